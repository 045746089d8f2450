// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Go's net/http with encoding/json: one http.Client for all ("Clients and Transports are safe for concurrent use by
// multiple goroutines and for efficiency should only be created once and re-used", package documentation), bodies read
// to their end so that connections are reused (http.Client.Do), MaxIdleConnsPerHost as many as requests in flight.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

type request struct {
	NamespaceKey string            `json:"namespaceKey"`
	FlagKey      string            `json:"flagKey"`
	EntityID     string            `json:"entityId"`
	Context      map[string]string `json:"context"`
}

type answer struct {
	Enabled     bool     `json:"enabled"`
	Reason      string   `json:"reason"`
	FlagKey     string   `json:"flagKey"`
	SegmentKeys []string `json:"segmentKeys"`
	RequestID   string   `json:"requestId"`
}

func cpu() float64 {
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 2, uintptr(unsafe.Pointer(&t)), 0) // CLOCK_PROCESS_CPUTIME_ID
	return float64(t.Sec) + float64(t.Nsec)*1e-9
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func main() {
	port := flag.Int("port", 0, "")
	requests := flag.Int64("requests", 1000, "")
	warmup := flag.Int64("warmup", 500, "")
	inFlight := flag.Int("in-flight", 1, "")
	ca := flag.String("ca", "", "")
	noLatency := flag.Bool("no-latency", false, "")
	flag.Parse()

	transport := &http.Transport{MaxIdleConns: *inFlight, MaxIdleConnsPerHost: *inFlight, DisableCompression: true}
	url := fmt.Sprintf("http://127.0.0.1:%d/evaluate/v1/boolean", *port)
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		if err != nil {
			fail(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
		url = "https" + url[4:]
	}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	token := "JWT " + strings.Repeat("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9", 15)[:539]

	var last answer
	latencies := make([][]time.Duration, *inFlight)
	perform := func(count int64) {
		var next atomic.Int64
		var all sync.WaitGroup
		for worker := 0; worker < *inFlight; worker++ {
			all.Add(1)
			go func() {
				defer all.Done()
				list := latencies[worker][:0]
				for i := next.Add(1) - 1; i < count; i = next.Add(1) - 1 {
					started := time.Now()
					body, err := json.Marshal(request{"default", "lobby", "player-" + strconv.FormatInt(100000+i, 10),
						map[string]string{"region": "eu", "level": "12"}})
					if err != nil {
						fail(err)
					}
					r, err := http.NewRequest("POST", url, bytes.NewReader(body))
					if err != nil {
						fail(err)
					}
					r.Header.Set("Accept", "application/json")
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Authorization", token)
					reply, err := client.Do(r)
					if err != nil {
						fail(err)
					}
					text, err := io.ReadAll(reply.Body)
					reply.Body.Close()
					if err != nil {
						fail(err)
					}
					var a answer
					if err := json.Unmarshal(text, &a); err != nil || reply.StatusCode != 200 {
						fail(fmt.Errorf("%d %s %v", reply.StatusCode, text, err))
					}
					if worker == 0 {
						last = a
					}
					if !*noLatency {
						list = append(list, time.Since(started))
					}
				}
				latencies[worker] = list
			}()
		}
		all.Wait()
	}
	for i := range latencies {
		latencies[i] = make([]time.Duration, 0, *requests+*warmup)
	}
	perform(*warmup)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpuBefore, wallBefore := cpu(), time.Now()
	perform(*requests)
	wall, used := time.Since(wallBefore), cpu()-cpuBefore
	runtime.ReadMemStats(&after)
	if !last.Enabled || last.FlagKey != "lobby" || len(last.SegmentKeys) != 1 {
		fail(fmt.Errorf("the last reply is not what it should be: %+v", last))
	}
	var times []time.Duration
	for _, list := range latencies {
		times = append(times, list...)
	}
	slices.Sort(times)
	quantile := func(q float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return float64(times[int(q*float64(len(times)-1))].Nanoseconds()) / 1000
	}
	n := float64(*requests)
	fmt.Printf(`{"requests": %d, "p50_us": %.3f, "p99_us": %.3f, "cpu_us": %.4f, "wall_us": %.4f, "allocations": %.2f, `+
		`"compiler": "%s"}`+"\n", *requests, quantile(0.5), quantile(0.99), used/n*1e6, wall.Seconds()/n*1e6,
		float64(after.Mallocs-before.Mallocs)/n, runtime.Version())
}
