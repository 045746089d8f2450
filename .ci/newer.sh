# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
# Sourced: newer_package NAME FOLDER unpacks Debian testing's NAME below FOLDER and touches nothing of the system. The
# source list is made from the machine's own, so mirrors and proxies stay what they are.
newer_package() {
    local name=$1 folder=$2 apt
    if [ -d "$folder/$name/usr" ]; then
        return 0
    fi
    apt=$folder/apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$folder/$name"
    if [ ! -f "$apt/updated" ]; then
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
            sed -nE 's/^(deb +(\[[^]]*\] +)?[^ ]*debian\/?) +bookworm +.*/\1 testing main/p' >"$apt/sources.list"
        if ! [ -s "$apt/sources.list" ]; then
            local uri key
            uri=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
                sed -nE 's/^URIs: *([^ ]*debian\/?)$/\1/p' | head -n 1)
            key=$(ls /usr/share/keyrings/debian-archive-keyring.gpg 2>/dev/null || true)
            [ -n "$uri" ] || return 1
            echo "deb ${key:+[signed-by=$key]} $uri testing main" >"$apt/sources.list"
        fi
    fi
    local options=(-o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt" -o Dir::Cache::Archives="$apt/archives"
        -o APT::Get::List-Cleanup=0 -o Acquire::Languages=none -o APT::Sandbox::User=root -o Acquire::Retries=2)
    if [ ! -f "$apt/updated" ]; then
        # A testing key may be newer than the machine's keyring: then this fails, and the leg is skipped.
        timeout 300 apt-get -qq "${options[@]}" update >"$apt/log" 2>&1 || return 1
        touch "$apt/updated"
    fi
    (cd "$folder" && timeout 120 apt-get -qq "${options[@]}" download "$name" >>"$apt/log" 2>&1) || return 1
    dpkg -x "$folder/$name"_*.deb "$folder/$name"
}
