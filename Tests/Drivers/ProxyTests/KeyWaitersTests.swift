import Identity
import Testing

@testable import Proxy

struct KeyWaitersTests {
    private func address(_ last: UInt8) -> ClientAddress? {
        ClientAddress(
            mappedOctets: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, last])
    }

    @Test func `one address gets half of the places, and leaves half of the rest to the next`() {
        var waiters = KeyWaiters()
        var client: UInt64 = 0
        func fill(_ address: ClientAddress?) -> Int {
            var count = 0
            while true {
                client += 1
                guard waiters.insert(client, from: address) else { return count }
                count += 1
            }
        }
        #expect(fill(address(1)) == KeyWaiters.limit / 2)
        #expect(fill(address(2)) == KeyWaiters.limit / 4)
        #expect(fill(nil) == KeyWaiters.limit / 8)
        #expect(fill(address(1)) == 0)
    }

    @Test func `who waits already keeps the place, and who leaves gives it back`() {
        var waiters = KeyWaiters()
        for client in 0..<UInt64(KeyWaiters.limit / 2) {
            #expect(waiters.insert(client, from: address(1)))
        }
        #expect(waiters.insert(7, from: address(1)))
        #expect(!waiters.insert(100_000, from: address(1)))
        waiters.remove(7)
        waiters.remove(7)
        #expect(waiters.insert(100_000, from: address(1)))
        #expect(waiters.takeAll().count == KeyWaiters.limit / 2)
        #expect(waiters.takeAll().isEmpty)
        #expect(waiters.insert(7, from: address(1)))
    }
}
