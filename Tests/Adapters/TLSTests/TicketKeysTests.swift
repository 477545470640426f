import Testing

@testable import TLS

@Suite struct TicketKeysTests {
    @Test func `the newest key seals, and the two before it still open`() throws {
        let keys = try TicketKeys()
        var names = [keys.newest.name]
        for _ in 0..<4 {
            try keys.rotate()
            names.insert(keys.newest.name, at: 0)
        }
        #expect(Set(names).count == 5)
        #expect(names.map { keys.key(named: $0)?.isNewest } == [true, false, false, nil, nil])
        #expect(keys.key(named: names[1])?.key.name == names[1])
    }

    @Test func `keys have the lengths their algorithms want, and are all different`() throws {
        let (one, other) = (try TicketKeys().newest, try TicketKeys().newest)
        for key in [one, other] {
            #expect([key.name.count, key.cipher.count, key.mac.count] == [16, 32, 32])
        }
        #expect(Set([one.cipher, one.mac, other.cipher, other.mac]).count == 4)
        #expect(one.name != other.name)
    }

    @Test func `a name nobody made opens nothing`() throws {
        let keys = try TicketKeys()
        #expect(keys.key(named: [UInt8](repeating: 0, count: 16)) == nil)
        #expect(keys.key(named: []) == nil)
    }
}
