import HTTP
import HTTP1
import Testing

@Suite("Authentication of connections")
struct ConnectionAuthenticationTests {
    static let challenges: [(String, String, Bool)] = [
        ("WWW-Authenticate", "NTLM", true), ("www-authenticate", "ntlm TlRMTVNTUAACAAAA", true),
        ("WWW-Authenticate", "Negotiate", true), ("WWW-Authenticate", "NEGOTIATE oYG2", true),
        ("WWW-Authenticate", "Basic realm=\"x\", Negotiate", true),
        ("WWW-Authenticate", "Negotiate,NTLM", true), ("Proxy-Authenticate", "NTLM", true),
        ("WWW-Authenticate", "Basic realm=\"NTLM\"", false), ("WWW-Authenticate", "NTLMv2", false),
        ("WWW-Authenticate", "Bearer error=\"negotiate\"", false), ("WWW-Authenticate", "", false),
        ("X-Authenticate", "NTLM", false), ("Authorization", "NTLM", false),
    ]

    @Test("responses", arguments: challenges)
    func responses(name: String, value: String, authenticates: Bool) {
        for status in [200, 401, 407] {
            let head = ResponseHead(
                status: status, reason: 0..<0, minorVersion: 1,
                fields: Fields([("Server", "x"), (name, value)]))
            #expect(head.authenticatesConnection == authenticates)
        }
    }

    @Test("a second line counts like the first")
    func lines() {
        let fields = Fields([("WWW-Authenticate", "Basic"), ("WWW-Authenticate", "Negotiate")])
        let head = ResponseHead(status: 401, reason: 0..<0, minorVersion: 1, fields: fields)
        #expect(head.authenticatesConnection)
    }

    @Test(
        "requests",
        arguments: [
            ("Authorization", "Negotiate YIIJ", true), ("Authorization", "NTLM TlRM", true),
            ("Authorization", "Bearer x", false), ("WWW-Authenticate", "NTLM", false),
        ])
    func requests(name: String, value: String, authenticates: Bool) {
        #expect(Fields([(name, value)]).bindConnection == authenticates)
    }
}
