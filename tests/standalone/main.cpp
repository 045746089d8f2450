// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The program of the one-header translation units: that it compiles and links is the test.
int main() {}
