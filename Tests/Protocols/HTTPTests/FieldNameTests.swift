import Bytes
import HTTP
import Testing

@Suite("Names of fields as apps read them")
struct FieldNameTests {
    static let names: [(String, String, Bool)] = [
        ("X-Auth-User", "x-auth-user", true), ("X_AUTH_USER", "X-Auth-User", true),
        ("X.Auth!User", "X-Auth-User", true), ("x|auth~user", "X+Auth*User", true),
        ("X-Auth-User", "X-Auth-Use", false), ("XAuthUser", "X-Auth-User", false),
        ("X-Auth-User", "X-Auth-1ser", false), ("-", "_", true), ("", "", true), ("a", "", false),
        // Lower case is not a bit of octets that are no letters.
        ("[", "{", true), ("@", "`", true), ("A", "!", false),
    ]

    @Test("are one when only marks and case differ", arguments: names)
    func folded(name: String, other: String, isOne: Bool) {
        let (there, back) = (name.utf8.span.readsAs(other), other.utf8.span.readsAs(name))
        #expect(there == isOne && back == isOne)
    }

    @Test("begin like a prefix, but are longer")
    func prefix() {
        for (name, isPrefixed) in [
            ("X_Forwarded_Port", true), ("x-forwarded-", false), ("X-Forwarded", false),
            ("X.Forwarded.a", true), ("XX-Forwarded-a", false),
        ] {
            let found = name.utf8.span.readsAs(prefix: "x-forwarded-")
            #expect(found == isPrefixed, "\(name)")
        }
    }

    @Test("are unmistakable without other marks than hyphens")
    func unmistakable() {
        for (name, expected) in [("X-Real-IP", true), ("X_Real-IP", false), ("a.b", false)] {
            let found = name.utf8.span.isUnmistakable
            #expect(found == expected, "\(name)")
        }
    }

    @Test("may be taken for a field that is known", arguments: KnownField.allCases)
    func mistaken(field: KnownField) {
        for mark in ["_", ".", "~"] {
            let double = field.name.replacing("-", with: mark)
            let found = KnownField(mistaking: double.utf8.span)
            #expect(found == field, "\(double)")
            let other = KnownField(mistaking: (double + mark).utf8.span)
            #expect(other == .other)
        }
    }
}

@Suite("What proxies claim")
struct ProxyClaimsTests {
    @Test(
        "is known in every spelling",
        arguments: [
            ("Forwarded", true), ("X-Forwarded-For", true), ("X_Forwarded_Prefix", true),
            ("x.real.ip", true), ("X-Original-URL", true), ("X-REWRITE-URL", true),
            ("True-Client-IP", true), ("CF_Connecting_IP", true), ("Front-End-Https", true),
            ("X-Forward", false), ("X-Forwarded", true), ("Forwarded-For", false),
            ("X-Client-Id", false), ("X-Auth-User", false), ("Accept", false), ("", false),
            ("X-Requested-With", false), ("X-Real-IPs", false), ("Cookie", false),
        ])
    func claim(name: String, expected: Bool) {
        let found = ProxyClaims.contains(name.utf8.span)
        #expect(found == expected)
    }
}
