import Testing

@testable import Relays

@Suite("Compression effort")
struct CompressionEffortTests {
    /// How many messages go by until the next is tried.
    private func pause(_ effort: inout CompressionEffort) -> Int {
        var count = 0
        while !effort.shouldTry() { count += 1 }
        return count
    }

    private func fail(_ effort: inout CompressionEffort, times: Int) {
        for _ in 0..<times { effort.noted(shrank: false) }
    }

    @Test("every message is tried while they shrink")
    func shrinking() {
        var effort = CompressionEffort()
        for _ in 0..<10_000 {
            let isTried = effort.shouldTry()
            #expect(isTried)
            effort.noted(shrank: true)
        }
    }

    @Test("three failures in a row are nothing", arguments: 0...3)
    func patience(failures: Int) {
        var effort = CompressionEffort()
        for _ in 0..<100 {
            fail(&effort, times: failures)
            #expect(pause(&effort) == 0)
            effort.noted(shrank: true)
        }
    }

    @Test("after four, 32 messages go by, and twice as many each time, up to 1024")
    func pauses() {
        var effort = CompressionEffort()
        fail(&effort, times: 4)
        var pauses: [Int] = []
        for _ in 0..<300 {
            pauses.append(pause(&effort))
            // It stays due until it was tried.
            #expect(pause(&effort) == 0)
            effort.noted(shrank: false)
        }
        #expect(pauses.prefix(7) == [32, 64, 128, 256, 512, 1024, 1024])
        #expect(pauses.dropFirst(5).allSatisfy { $0 == 1024 })
    }

    @Test("one success begins anew, however long it went on", arguments: [1, 3, 4, 5, 9, 10, 500])
    func success(failures: Int) {
        var effort = CompressionEffort()
        fail(&effort, times: failures)
        _ = pause(&effort)
        effort.noted(shrank: true)
        #expect(effort == CompressionEffort())
        fail(&effort, times: 3)
        #expect(pause(&effort) == 0)
        effort.noted(shrank: false)
        #expect(pause(&effort) == 32)
    }

    @Test("a socket pays four octets for it")
    func size() {
        #expect(MemoryLayout<CompressionEffort>.size <= 4)
    }
}
