module flipt-cpp/benchmarks/http

go 1.22
