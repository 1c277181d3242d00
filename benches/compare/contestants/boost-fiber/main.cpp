// Boost.Fiber, measured: `contestant WORKLOAD [N]` prints `key value` lines, `contestant list` the workloads.
//
// Compiled with g++ -std=c++17 -O3 -DNDEBUG against Debian's libboost-fiber. One thread, with the scheduler that the library has by default
// (round_robin). Where work is short, the iterations are doubled until one loop takes 50 ms, and the last loop counts.
//
// Stacks come from a pooled_fixedsize_stack of the default size: a pool of malloc'ed blocks in which many stacks lie side by side, with
// no guard page between them. A protected_fixedsize_stack has a guard page, and so costs two memory maps: Linux allows 65530
// (vm.max_map_count), which ends at some 32 000 fibers. A pool has no such limit, only that of the address space that
// the kernel is ready to promise.
//
// There is no `kill`, as nobody can end a fiber from outside, and no `timer`, as the library has time-outs of waits but no
// timers. There are no servers: the library brings no I/O.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include <boost/fiber/all.hpp>

namespace fibers = boost::fibers;
namespace this_fiber = boost::this_fiber;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto long_enough = std::chrono::milliseconds(50);
// Tells the caller that there is no such workload here.
constexpr int exit_unknown = 64;
// No block of a pool holds more stacks: 128 MiB of address space.
constexpr std::size_t stacks_at_once = 1024;

[[noreturn]] void fail(const char *why) {
    std::cerr << why << '\n';
    std::exit(1);
}

void report(Clock::duration took, std::uint64_t units) {
    std::printf("ns %.3f\n", std::chrono::duration<double, std::nano>(took).count() / static_cast<double>(units));
}

// Prints what one of a loop's iterations takes, of the first loop that is long enough. The loop gives the time its iterations took, so
// that it may prepare and clear up off the clock. An iteration is `units` of what is reported.
template <typename Loop> void measure(std::uint64_t units, Loop loop) {
    for (std::uint64_t iterations = 1;; iterations *= 2) {
        Clock::duration took = loop(iterations);
        if (took >= long_enough) {
            report(took, iterations * units);
            return;
        }
    }
}

// For a loop that has nothing to prepare.
template <typename Body> auto timed(Body body) {
    return [body](std::uint64_t iterations) mutable {
        auto start = Clock::now();
        for (std::uint64_t i = 0; i < iterations; i++)
            body();
        return Clock::now() - start;
    };
}

fibers::pooled_fixedsize_stack pool() {
    return fibers::pooled_fixedsize_stack(fibers::pooled_fixedsize_stack::traits_type::default_size(), 32, stacks_at_once);
}

template <typename Body> std::vector<fibers::fiber> spawn_all(std::size_t count, fibers::pooled_fixedsize_stack stacks, Body body) {
    std::vector<fibers::fiber> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; i++)
        all.emplace_back(std::allocator_arg, stacks, body);
    return all;
}

void join_all(std::vector<fibers::fiber> &all) {
    for (fibers::fiber &fiber : all)
        fiber.join();
}

// The fiber that measures is one of those that run. As round_robin is fair, each of its turns is a turn of all.
void yield(std::size_t count) {
    bool stop = false;
    auto others = spawn_all(count - 1, pool(), [&stop] {
        while (!stop)
            this_fiber::yield();
    });
    this_fiber::yield(); // now all have begun
    measure(count, timed([] { this_fiber::yield(); }));
    stop = true;
    join_all(others);
}

// launch::dispatch has the new fiber run at once, without a pass through the queue of those that are ready: the faster policy here.
void spawn_join(std::size_t) {
    auto stacks = pool();
    measure(1, timed([&stacks] { fibers::fiber(fibers::launch::dispatch, std::allocator_arg, stacks, [] {}).join(); }));
}

void spawn_many(std::size_t count) {
    auto stacks = pool();
    auto start = Clock::now();
    auto all = spawn_all(count, stacks, [] {});
    join_all(all);
    report(Clock::now() - start, count);
}

// A buffered_channel's capacity is a power of two, and it holds one less than that: each of these holds one value.
void channel(std::size_t) {
    fibers::buffered_channel<int> there(2), back(2);
    fibers::fiber other([&] {
        int value;
        while (there.pop(value) == fibers::channel_op_status::success)
            back.push(value);
    });
    measure(1, timed([&] {
                int value;
                there.push(1);
                back.pop(value);
            }));
    there.close();
    other.join();
}

void mutex(std::size_t) {
    fibers::mutex lock;
    measure(1, timed([&lock] {
                lock.lock();
                lock.unlock();
            }));
}

// How many bytes of this process are in memory.
std::size_t resident() {
    std::ifstream statm("/proc/self/statm");
    std::size_t all, resident;
    if (!(statm >> all >> resident))
        fail("/proc/self/statm cannot be read");
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// All sleep until one common instant. The time in which all sleep and nothing is to do is left out.
void sleepers(std::size_t count) {
    std::size_t before = resident(), asleep = 0;
    auto start = Clock::now();
    auto due = start + std::chrono::milliseconds(200) + count * std::chrono::microseconds(60);
    auto all = spawn_all(count, pool(), [&asleep, due] {
        asleep++;
        this_fiber::sleep_until(due);
    });
    while (asleep < count)
        this_fiber::yield();
    auto fell_asleep = Clock::now();
    std::size_t bytes = resident() - before;
    if (Clock::now() >= due)
        fail("some woke before all slept");
    join_all(all);
    auto woke = Clock::now() - due;
    std::printf("bytes %.1f\n", static_cast<double>(bytes) / static_cast<double>(count));
    report(fell_asleep - start + woke, count);
}

void fanout(std::size_t count) {
    auto stacks = pool();
    measure(count, [&](std::uint64_t iterations) {
        Clock::duration took{};
        for (std::uint64_t i = 0; i < iterations; i++) {
            fibers::mutex lock;
            fibers::condition_variable changed;
            bool is_set = false;
            std::size_t waiting = 0, gone = 0;
            Clock::time_point last;
            auto all = spawn_all(count, stacks, [&] {
                std::unique_lock<fibers::mutex> guard(lock);
                waiting++;
                changed.wait(guard, [&] { return is_set; });
                if (++gone == count)
                    last = Clock::now();
            });
            while (waiting < count)
                this_fiber::yield();
            auto start = Clock::now();
            {
                std::unique_lock<fibers::mutex> guard(lock);
                is_set = true;
            }
            changed.notify_all();
            join_all(all);
            took += last - start;
        }
        return took;
    });
}

struct Workload {
    const char *name;
    std::size_t default_count;
    void (*run)(std::size_t);
};

constexpr Workload workloads[] = {
    {"yield", 2, yield}, {"spawn_join", 1, spawn_join}, {"spawn_many", 100000, spawn_many}, {"channel", 1, channel},
    {"mutex", 1, mutex}, {"sleepers", 100000, sleepers}, {"fanout", 1000, fanout},
};

} // namespace

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        std::cerr << "usage: contestant WORKLOAD [N]\n";
        return 2;
    }
    std::string name = argv[1];
    if (name == "list") {
        for (const Workload &workload : workloads)
            std::cout << workload.name << '\n';
        return 0;
    }
    for (const Workload &workload : workloads) {
        if (name == workload.name) {
            long long count = argc == 3 ? std::atoll(argv[2]) : static_cast<long long>(workload.default_count);
            if (count < 1)
                fail("N is a whole number from 1 up");
            workload.run(static_cast<std::size_t>(count));
            return 0;
        }
    }
    std::cerr << "boost-fiber has no workload " << name << '\n';
    return exit_unknown;
}
