import Randomness
import Testing

@testable import Transport

@Suite struct SendQueueTests {
    private func append(_ octets: [UInt8], to queue: inout SendQueue) {
        // The queue copies what it is shown.
        unsafe octets.withUnsafeBytes { unsafe queue.append($0) }
    }

    /// What the queue shows, of which `count` octets are taken.
    private func drain(_ count: Int, of queue: inout SendQueue) -> [UInt8] {
        var shown: [UInt8] = []
        // Copied before the call returns.
        unsafe queue.drain { memory in
            shown = unsafe Array(memory)
            return count
        }
        return shown
    }

    @Test func `octets come out in the order they went in`() {
        var queue = SendQueue()
        append([1, 2, 3], to: &queue)
        append([], to: &queue)
        append([4], to: &queue)
        #expect(queue.count == 4)
        #expect(drain(2, of: &queue) == [1, 2, 3, 4])
        append([5], to: &queue)
        #expect(drain(0, of: &queue) == [3, 4, 5])
        #expect(drain(3, of: &queue) == [3, 4, 5])
        #expect(queue.count == 0)
        #expect(drain(1, of: &queue) == [])
    }

    @Test(arguments: [-1, -100, 5, .max])
    func `more or less than there is cannot be taken`(taken: Int) {
        var queue = SendQueue()
        append([1, 2, 3, 4], to: &queue)
        _ = drain(taken, of: &queue)
        #expect(queue.count == (taken < 0 ? 4 : 0))
    }

    @Test func `an empty queue holds no memory`() {
        var queue = SendQueue()
        #expect(queue.capacity == 0)
        append([UInt8](repeating: 7, count: 100_000), to: &queue)
        #expect(queue.capacity >= 100_000)
        _ = drain(100_000, of: &queue)
        #expect(queue.capacity == 0)
        append([1], to: &queue)
        queue.release()
        #expect(queue.count == 0)
        #expect(queue.capacity == 0)
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `it agrees with a plain array, and never grows far beyond what waits`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = SendQueue()
        var expected: [UInt8] = []
        var longest = 0
        for round in 0..<600 {
            let size = Int.random(in: 0...(round % 7 == 0 ? 20_000 : 500), using: &random)
            let octets = (0..<size).map { UInt8(truncatingIfNeeded: round + $0) }
            append(octets, to: &queue)
            expected += octets
            longest = max(longest, expected.count)
            let taken = Int.random(in: 0...4_000, using: &random)
            #expect(drain(taken, of: &queue) == expected)
            expected.removeFirst(min(taken, expected.count))
            #expect(queue.count == expected.count)
            #expect(queue.capacity <= max(4_096, 4 * longest))
        }
    }

    @Test func `a queue that stays half full moves an octet once or twice, not every time`() {
        var queue = SendQueue()
        append([UInt8](repeating: 0, count: 1 << 20), to: &queue)
        let portion = [UInt8](repeating: 1, count: 1_000)
        var next: UnsafeRawPointer? = nil
        var moves = 0
        for _ in 0..<10_000 {
            append(portion, to: &queue)
            // Only compared, never read.
            unsafe queue.drain { memory in
                if unsafe memory.baseAddress != next { moves += 1 }
                unsafe next = memory.baseAddress?.advanced(by: 1_000)
                return 1_000
            }
        }
        // Ten megabytes went through a queue of one.
        #expect(moves <= 12)
        #expect(queue.capacity <= 4 << 20)
    }
}
