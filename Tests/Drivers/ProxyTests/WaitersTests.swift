import Identity
import Testing

@testable import Proxy

struct WaitersTests {
    private func address(_ last: UInt8) -> ClientAddress? {
        ClientAddress(
            mappedOctets: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, last])
    }

    @Test func `one address gets half of the places, and leaves half of the rest to the next`() {
        var waiters = Waiters()
        var client: UInt64 = 0
        func fill(_ address: ClientAddress?) -> Int {
            var count = 0
            while true {
                client += 1
                guard waiters.insert(client, from: address) else { return count }
                count += 1
            }
        }
        let counts = [fill(address(1)), fill(address(2)), fill(nil), fill(address(1))]
        #expect(counts == [2, 4, 8].map { Waiters.limit / $0 } + [0])
    }

    @Test func `who waits already keeps the place, and who leaves gives it back`() {
        var waiters = Waiters()
        func insert(_ client: UInt64) -> Bool { waiters.insert(client, from: address(1)) }
        for client in 0..<UInt64(Waiters.limit / 2) { #expect(insert(client)) }
        #expect(insert(7))
        #expect(!insert(100_000))
        waiters.remove(7)
        waiters.remove(7)
        #expect(insert(100_000))
        let all = waiters.takeAll()
        #expect(all.count == Waiters.limit / 2)
        let none = waiters.takeAll()
        #expect(none.isEmpty)
        #expect(insert(7))
    }
}
