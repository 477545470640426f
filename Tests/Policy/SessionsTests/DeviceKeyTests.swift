import Endings
import Sessions
import Settings
import Testing

@Suite struct DeviceKeyTests {
    @Test(arguments: [
        "a", "550e8400-e29b-41d4-a716-446655440000", "!~", String(repeating: "x", count: 128),
    ])
    func `a ClientId is 1 to 128 visible ASCII characters`(text: String) throws {
        #expect(try ClientID(text).text == text)
    }

    @Test(arguments: [
        "", " ", "a b", "a\tb", "a\n", "\u{7F}", "기기", "é", String(repeating: "x", count: 129),
    ])
    func `anything else is a 400`(text: String) throws {
        let refusal = #expect(throws: Refusal.self) { try ClientID(text) }
        #expect(refusal?.reason == .protocolError)
        #expect(refusal?.status == 400)
        #expect(throws: Refusal.self) {
            try DeviceKey(clientID: text, address: "10.0.0.1", role: nil, userAgent: "")
        }
    }

    @Test func `a ClientId names the device wherever it comes from`() throws {
        let home = try DeviceKey(
            clientID: "A", address: "10.0.0.1", role: "admin", userAgent: "x")
        let away = try DeviceKey(
            clientID: "A", address: "10.0.0.2", role: "manager", userAgent: "y")
        #expect(home == away)
        #expect(home.clientID?.text == "A")
    }

    @Test func `without one, every difference makes another device`() throws {
        let keys = [
            try DeviceKey(clientID: nil, address: "10.0.0.1", role: "admin", userAgent: "x"),
            try DeviceKey(clientID: nil, address: "10.0.0.2", role: "admin", userAgent: "x"),
            try DeviceKey(clientID: nil, address: "10.0.0.1", role: "board", userAgent: "x"),
            try DeviceKey(clientID: nil, address: "10.0.0.1", role: nil, userAgent: "x"),
            try DeviceKey(clientID: nil, address: "10.0.0.1", role: "admin", userAgent: "y"),
            try DeviceKey(clientID: "x", address: "10.0.0.1", role: "admin", userAgent: "x"),
        ]
        #expect(Set(keys).count == keys.count)
        #expect(keys[0].clientID == nil)
        #expect(
            try keys[0]
                == DeviceKey(clientID: nil, address: "10.0.0.1", role: "admin", userAgent: "x"))
    }

    @Test func `a session id is written in 32 digits and comes from the generator`() {
        #expect(SessionID(high: 0xAB, low: 1).description == "00000000000000ab0000000000000001")
        var random = SeededGenerator(seed: 7)
        let ids = (0..<100).map { _ in SessionID(using: &random) }
        #expect(Set(ids).count == 100)
        #expect(ids.allSatisfy { $0.description.utf8.count == 32 })
    }

    @Test func `the block says which roles count and what a store's limit is`() {
        let limit = SessionSettings.Limit(devices: 2, policy: .blockNew)
        let other = SessionSettings.Limit(devices: 5, policy: .ejectOld)
        var settings = SessionSettings(name: "d", store: .query("store_id"), limit: limit)
        #expect(settings.limits(role: nil))
        #expect(settings.limits(role: "board"))
        settings.limited = ["admin", "manager"]
        #expect(settings.limits(role: "manager"))
        #expect(!settings.limits(role: "board"))
        #expect(!settings.limits(role: nil))
        settings.stores = ["17": other]
        #expect(settings.limit(forStore: "17") == other)
        #expect(settings.limit(forStore: "18") == limit)
    }
}
