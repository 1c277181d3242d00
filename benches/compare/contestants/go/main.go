// Go's goroutines, measured: `contestant WORKLOAD [N]` prints `key value` lines, `contestant list` the workloads.
//
// The script beside this file sets GOMAXPROCS=1. All else is Go's default: the garbage collector, preemption, the linker and the
// compiler. Where work is short, the iterations are doubled until one loop takes 50 ms, and the last loop counts.
//
// There is no `switch`, `switch_deep` or `ring`: a goroutine does not switch to another one, it only gives way to the scheduler.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	longEnough = 50 * time.Millisecond
	// Tells the caller that there is no such workload here.
	exitUnknown = 64
	// The size of a buffer for messages, in every contestant.
	room = 4096
)

var (
	blankLine = []byte("\r\n\r\n")
	answer    = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!")
)

type workload struct {
	name     string
	defaultN int // 0: takes no N
	run      func(n int)
}

var workloads = []workload{
	{"yield", 2, yield},
	{"spawn_join", 0, spawnJoin},
	{"spawn_many", 100_000, spawnMany},
	{"channel", 0, channel},
	{"mutex", 0, mutex},
	{"timer", 1_000_000, timer},
	{"sleepers", 100_000, sleepers},
	{"fanout", 1_000, fanout},
	{"kill", 1_000, kill},
	{"serve_echo", 0, func(int) { serve(echo) }},
	{"serve_http", 0, func(int) { serve(http) }},
}

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: contestant WORKLOAD [N]")
		os.Exit(2)
	}
	if os.Args[1] == "list" {
		for _, w := range workloads {
			fmt.Println(w.name)
		}
		return
	}
	for _, w := range workloads {
		if w.name == os.Args[1] {
			w.run(count(w))
			return
		}
	}
	fmt.Fprintf(os.Stderr, "go has no workload %s\n", os.Args[1])
	os.Exit(exitUnknown)
}

func count(w workload) int {
	if len(os.Args) < 3 {
		return w.defaultN
	}
	n, err := strconv.Atoi(os.Args[2])
	if err != nil || n < 1 {
		fail("N is a whole number from 1 up")
	}
	return n
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

// measure prints what one of a loop's iterations takes, of the first loop that is long enough; loop gives the time its iterations
// took, so that it may prepare and clear up off the clock. An iteration is `units` of what is reported.
func measure(units int, loop func(iterations int) time.Duration) {
	for iterations := 1; ; iterations *= 2 {
		took := loop(iterations)
		if took >= longEnough {
			report(took, iterations*units)
			return
		}
	}
}

func report(took time.Duration, units int) {
	fmt.Printf("ns %.3f\n", float64(took.Nanoseconds())/float64(units))
}

// timed is for a loop that has nothing to prepare.
func timed(loop func(iterations int)) func(int) time.Duration {
	return func(iterations int) time.Duration {
		start := time.Now()
		loop(iterations)
		return time.Since(start)
	}
}

// yield has n runnable goroutines, the one that measures among them. The turns of all are counted, as the scheduler does not promise
// as many to each.
func yield(n int) {
	const counted, over = 1, 2
	for rounds := 1; ; rounds *= 2 {
		var phase, turns atomic.Int64
		var others sync.WaitGroup
		for range n - 1 {
			others.Go(func() {
				mine := int64(0)
				for now := phase.Load(); now != over; now = phase.Load() {
					mine += now // 0 before the start
					runtime.Gosched()
				}
				turns.Add(mine)
			})
		}
		runtime.Gosched() // now all have begun
		phase.Store(counted)
		start := time.Now()
		for range rounds {
			runtime.Gosched()
		}
		took := time.Since(start)
		phase.Store(over)
		others.Wait()
		if took >= longEnough {
			report(took, rounds+int(turns.Load()))
			return
		}
	}
}

func spawnJoin(int) {
	var group sync.WaitGroup
	measure(1, timed(func(iterations int) {
		for range iterations {
			group.Add(1)
			go func() { group.Done() }()
			group.Wait()
		}
	}))
}

func spawnMany(n int) {
	var group sync.WaitGroup
	start := time.Now()
	group.Add(n)
	for range n {
		go func() { group.Done() }()
	}
	group.Wait()
	report(time.Since(start), n)
}

func channel(int) {
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	measure(1, timed(func(iterations int) {
		for range iterations {
			there <- 1
			<-back
		}
	}))
	close(there)
}

func mutex(int) {
	var lock sync.Mutex
	measure(1, timed(func(iterations int) {
		for range iterations {
			lock.Lock()
			lock.Unlock()
		}
	}))
}

// timer arms and cancels a limit of half a minute, while n timers are pending that are due in an hour.
func timer(n int) {
	nothing := func() {}
	pending := make([]*time.Timer, n)
	for i := range pending {
		pending[i] = time.AfterFunc(time.Hour, nothing)
	}
	measure(1, timed(func(iterations int) {
		for range iterations {
			time.AfterFunc(30*time.Second, nothing).Stop()
		}
	}))
	runtime.KeepAlive(pending)
}

// sleepers has n goroutines sleep until one common instant, and leaves out the time in which all sleep and nothing is to do.
func sleepers(n int) {
	before := resident()
	start := time.Now()
	due := start.Add(200*time.Millisecond + time.Duration(n)*20*time.Microsecond)
	var asleep, done sync.WaitGroup
	asleep.Add(n)
	done.Add(n)
	for range n {
		go func() {
			asleep.Done()
			time.Sleep(time.Until(due))
			done.Done()
		}()
	}
	asleep.Wait()
	runtime.Gosched() // for those that were preempted right before they slept
	fellAsleep := time.Since(start)
	bytes := resident() - before
	if !time.Now().Before(due) {
		fail("some woke before all slept")
	}
	done.Wait()
	woke := time.Since(due)
	fmt.Printf("bytes %.1f\n", float64(bytes)/float64(n))
	report(fellAsleep+woke, n)
}

// resident is how many bytes of this process are in memory.
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		fail(err.Error())
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		fail(err.Error())
	}
	return pages * os.Getpagesize()
}

// fanout closes a channel: that is how Go tells something to everybody who waits.
func fanout(n int) {
	measure(n, func(iterations int) (took time.Duration) {
		for range iterations {
			event := make(chan struct{})
			ready, done := parked(n, func() { <-event })
			ready()
			start := time.Now()
			close(event)
			done()
			took += time.Since(start)
		}
		return took
	})
}

// kill ends goroutines as Go does it. Nobody can end a goroutine from outside: each one listens to a context beside what it waits for.
func kill(n int) {
	measure(n, func(iterations int) (took time.Duration) {
		for range iterations {
			work := make(chan int)
			ctx, cancel := context.WithCancel(context.Background())
			ready, done := parked(n, func() {
				select {
				case <-work:
				case <-ctx.Done():
				}
			})
			ready()
			start := time.Now()
			cancel()
			done()
			took += time.Since(start)
		}
		return took
	})
}

// parked starts n goroutines that do `wait`. `ready` returns when all wait, `done` when all have ended.
func parked(n int, wait func()) (ready, done func()) {
	var begun, ended sync.WaitGroup
	begun.Add(n)
	ended.Add(n)
	for range n {
		go func() {
			begun.Done()
			wait()
			ended.Done()
		}()
	}
	ready = func() {
		begun.Wait()
		runtime.Gosched() // for those that were preempted right before they waited
	}
	return ready, ended.Wait
}

// serve serves until stdin ends: a goroutine for each connection.
func serve(handle func(net.Conn)) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err.Error())
	}
	fmt.Printf("port %d\n", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				fail(err.Error())
			}
			go handle(conn)
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, room)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// http works on the bare connection, as all contestants do: what net/http parses and makes would not be compared with anything.
func http(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, room)
	filled := 0
	for filled < len(buffer) {
		n, err := conn.Read(buffer[filled:])
		if err != nil {
			return
		}
		filled += n
		for {
			end := bytes.Index(buffer[:filled], blankLine)
			if end < 0 {
				break
			}
			if _, err := conn.Write(answer); err != nil {
				return
			}
			filled = copy(buffer, buffer[end+len(blankLine):filled])
		}
	}
}
