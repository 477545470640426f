import Endings
import Sessions
import Settings
import Testing

/// Which device a request comes from.
@Suite struct DeviceIdentityTests {
    /// What a request has under its sources, and the fresh id it would be given.
    private struct Request {
        var values: [ValueSource: String] = [:]
        var address = "10.0.0.1"
        var role: String? = "admin"
        var userAgent = "x"

        func device(_ settings: SessionSettings) throws(Refusal) -> DeviceIdentity {
            try DeviceIdentity(
                settings, address: address, role: role, userAgent: userAgent,
                fresh: { SessionID(high: 0xAB, low: 1) }, value: { values[$0] })
        }
    }

    private static let fresh = "00000000000000ab0000000000000001"

    private func settings(issuing cookie: String? = nil) -> SessionSettings {
        var settings = SessionSettings.limiting(.of(max: 1, .blockNew))
        settings.device = [.query("client_id"), .header("X-Client-Id"), .cookie("gw_client")]
        settings.issuedCookie = cookie
        return settings
    }

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
        for source in settings().device {
            #expect(throws: Refusal.self) {
                try Request(values: [source: text]).device(settings())
            }
        }
    }

    @Test(
        arguments: [
            ([.query("client_id"): "A", .cookie("gw_client"): "B"], "A", .query("client_id")),
            (
                [.header("X-Client-Id"): "A", .cookie("gw_client"): "B"], "A",
                .header("X-Client-Id")
            ),
            ([.cookie("gw_client"): "B"], "B", .cookie("gw_client")),
            ([.cookie("other"): "C", .cookie("gw_client"): "B"], "B", .cookie("gw_client")),
        ] as [([ValueSource: String], String, ValueSource)])
    func `the first source that is there names the device`(
        values: [ValueSource: String], id: String, source: ValueSource
    ) throws {
        let device = try Request(values: values).device(settings(issuing: "gw_client"))
        #expect(device.key == .client(try ClientID(id)))
        #expect(device.origin == .given(source))
        #expect(device.alias == nil)
        #expect(device.setCookie(settings(issuing: "gw_client"), isSecure: true) == nil)
    }

    @Test func `a ClientId names the device wherever it comes from`() throws {
        let home = Request(values: [.query("client_id"): "A"])
        var away = Request(values: [.header("X-Client-Id"): "A"])
        away.address = "10.0.0.2"
        away.role = "manager"
        away.userAgent = "y"
        #expect(try home.device(settings()).key == away.device(settings()).key)
    }

    @Test func `without one, every difference makes another device`() throws {
        let requests = [
            Request(), Request(address: "10.0.0.2"), Request(role: "board"), Request(role: nil),
            Request(userAgent: "y"), Request(values: [.query("client_id"): "x"]),
        ]
        let keys = try requests.map { try $0.device(settings()).key }
        #expect(Set(keys).count == keys.count)
        #expect(keys[0].clientID == nil)
        #expect(try Request().device(settings()) == Request().device(settings()))
        #expect(try Request().device(settings()).origin == .looks)
    }

    @Test func `only the beginning of a User-Agent counts`() throws {
        let long = String(repeating: "x", count: 5000)
        #expect(DeviceIdentity.clipped(long).utf8.count == DeviceIdentity.userAgentLength)
        let first = try Request(userAgent: long + "1").device(settings())
        #expect(try Request(userAgent: long + "2").device(settings()) == first)
    }

    @Test func `who brings no id is issued one, and goes by its looks until it comes back`() throws
    {
        let settings = settings(issuing: "gw_client")
        let device = try Request().device(settings)
        #expect(device.key == .client(try ClientID(Self.fresh)))
        #expect(device.origin == .issued(like: try Request().device(self.settings()).key))
        let cookie =
            "gw_client=\(Self.fresh); Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
        #expect(device.setCookie(settings, isSecure: false) == cookie)
        #expect(device.setCookie(settings, isSecure: true) == cookie + "; Secure")
    }

    @Test func `a cookie of the issued name that is no ClientId is replaced by a good one`() throws
    {
        let request = Request(values: [.cookie("gw_client"): "a b"])
        #expect(try request.device(settings(issuing: "gw_client")).alias != nil)
        #expect(throws: Refusal.self) { try request.device(settings(issuing: "other")) }
    }

    @Test func `a session id is written in 32 digits and comes from the generator`() {
        #expect(SessionID(high: 0xAB, low: 1).description == Self.fresh)
        var random = SeededGenerator(seed: 7)
        let ids = (0..<100).map { _ in SessionID(using: &random) }
        #expect(Set(ids).count == 100)
        #expect(ids.allSatisfy { $0.description.utf8.count == 32 })
    }
}
