// Boost.Context's fibers (boost::context::fiber over fcontext), measured: `contestant WORKLOAD [N]` prints `key value` lines,
// `contestant list` the workloads. It is the layer below schedulers: there is none, nothing waits, one fiber resumes another.
//
// Compiled with g++ -std=c++17 -O3 -DNDEBUG against Debian's libboost-context. Where work is short, the iterations are doubled until
// one loop takes 50 ms, and the last loop counts.
//
// Stacks come from a pooled_fixedsize_stack: a pool of malloc'ed blocks in which many stacks lie side by side, with no guard page
// between them. A protected_fixedsize_stack has a guard page, and so costs two memory maps: Linux allows 65530 (vm.max_map_count), which
// ends at some 32 000 fibers. A pool has no such limit.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>

namespace ctx = boost::context;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto long_enough = std::chrono::milliseconds(50);
// Tells the caller that there is no such workload here.
constexpr int exit_unknown = 64;
// As large as the other contestants' stacks in a ring.
constexpr std::size_t ring_stack = 16 * 1024;
constexpr int frames = 200;

// Prints what one of a loop's iterations takes, of the first loop that is long enough.
template <typename Loop> void measure(Loop loop) {
    for (std::uint64_t iterations = 1;; iterations *= 2) {
        auto start = Clock::now();
        loop(iterations);
        auto took = Clock::now() - start;
        if (took >= long_enough) {
            std::printf("ns %.3f\n", std::chrono::duration<double, std::nano>(took).count() / static_cast<double>(iterations));
            return;
        }
    }
}

// Answers every number it is given with the next one, from `depth` calls below the end of its stack.
[[gnu::noinline]] ctx::fiber answer_from(int depth, ctx::fiber &&resumer, std::uint64_t &value) {
    volatile char frame[64];
    frame[0] = static_cast<char>(depth);
    if (depth > 0) {
        ctx::fiber last = answer_from(depth - 1, std::move(resumer), value);
        frame[1] = frame[0]; // the call is no tail call
        return last;
    }
    while (value != UINT64_MAX) {
        value++;
        resumer = std::move(resumer).resume();
    }
    return std::move(resumer);
}

// There and back: two switches.
void switch_from(int depth) {
    std::uint64_t value = 0;
    ctx::fiber fiber{std::allocator_arg, ctx::pooled_fixedsize_stack(),
                     [&value, depth](ctx::fiber &&resumer) { return answer_from(depth, std::move(resumer), value); }};
    measure([&](std::uint64_t iterations) {
        for (std::uint64_t i = 0; i < iterations; i++)
            fiber = std::move(fiber).resume();
    });
    value = UINT64_MAX;
    fiber = std::move(fiber).resume();
}

void switch_there_and_back(std::size_t) { switch_from(0); }

void switch_deep(std::size_t) { switch_from(frames); }

// Each fiber resumes the next one, which puts the one that was suspended by that back into its place.
class Ring {
  public:
    explicit Ring(std::size_t count) : fibers_(count) {
        // No block of the pool is larger than 16 MiB.
        ctx::pooled_fixedsize_stack stacks(ring_stack, 32, 1024);
        for (std::size_t at = 0; at < count; at++) {
            fibers_[at] = ctx::fiber{std::allocator_arg, stacks, [this, at](ctx::fiber &&from) {
                                         came_from(std::move(from));
                                         go_round(at);
                                         return std::move(main_);
                                     }};
        }
    }

    // One hop for each of `hops`, then back to the caller.
    void run(std::uint64_t hops) {
        hops_ = hops;
        left_ = &main_;
        came_from(std::move(fibers_[next_]).resume());
    }

    // Has every fiber return.
    void end() {
        over_ = true;
        for (ctx::fiber &fiber : fibers_) {
            left_ = &main_;
            std::move(fiber).resume();
        }
    }

  private:
    void came_from(ctx::fiber &&from) { *left_ = std::move(from); }

    void go_round(std::size_t at) {
        std::size_t next = at + 1 == fibers_.size() ? 0 : at + 1;
        while (!over_) {
            left_ = &fibers_[at];
            if (hops_-- > 0) {
                came_from(std::move(fibers_[next]).resume());
            } else {
                next_ = next;
                came_from(std::move(main_).resume());
            }
        }
    }

    std::vector<ctx::fiber> fibers_;
    ctx::fiber main_;
    ctx::fiber *left_ = nullptr;
    std::uint64_t hops_ = 0;
    std::size_t next_ = 0;
    bool over_ = false;
};

void ring(std::size_t count) {
    Ring ring(count);
    ring.run(count); // the first round starts them
    measure([&](std::uint64_t iterations) { ring.run(iterations); });
    ring.end();
}

// A fiber is made on a stack of the pool, runs and ends. The pool reuses the stack.
void spawn_join(std::size_t) {
    ctx::pooled_fixedsize_stack stacks;
    measure([&](std::uint64_t iterations) {
        for (std::uint64_t i = 0; i < iterations; i++) {
            ctx::fiber fiber{std::allocator_arg, stacks, [](ctx::fiber &&resumer) { return std::move(resumer); }};
            fiber = std::move(fiber).resume();
        }
    });
}

struct Workload {
    const char *name;
    std::size_t default_count;
    void (*run)(std::size_t);
};

constexpr Workload workloads[] = {
    {"switch", 1, switch_there_and_back},
    {"switch_deep", 1, switch_deep},
    {"ring", 1000, ring},
    {"spawn_join", 1, spawn_join},
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
            if (count < 1 || (count < 2 && name == "ring")) {
                std::cerr << "N is a whole number from 1 up, for a ring from 2 up\n";
                return 1;
            }
            workload.run(static_cast<std::size_t>(count));
            return 0;
        }
    }
    std::cerr << "boost-context has no workload " << name << '\n';
    return exit_unknown;
}
