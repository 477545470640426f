import Bytes
import HTTP
import Identity
import JWT
import Randomness
import Settings
import Testing

/// Which fields stay here because of a token that they hold, or may hold.
@Suite("Fields with tokens")
struct TokenStrippingTests {
    private static func made(_ claims: String, header: String = #"{"alg":"HS256"}"#) throws
        -> String
    {
        try signed(header: header, claims)
    }

    private static func takes(
        _ value: String, _ stripping: TokenStripping, place: TokenSettings.Place? = .cookie("c"),
        forwards: Bool = false, name: String = "Authorization"
    ) throws -> Bool {
        let head = Fields([(name: name, value: value)])
        let identity = try authenticate(signed("{}"), settings { $0.forwardsToken = forwards })
        return stripping.takes(head.lines[0], of: head, place == nil ? nil : identity, place)
    }

    @Test("what let in goes, and what another rule may believe; the rest is the app's")
    func authorization() throws {
        let cookie = settings {
            ($0.from, $0.issuer, $0.audiences) = ([.cookie("c")], "us", ["gateway"])
        }
        let stripping = TokenStripping([cookie], among: [cookie])
        let ours = try Self.made(#"{"iss":"us","aud":["x","gateway"],"exp":1}"#)
        for form in ["Bearer \(ours)", "bearer  \(ours)", "JWT \(ours)", ours, "t=\"\(ours)\""] {
            #expect(try Self.takes(form, stripping), "\(form)")
            #expect(try Self.takes(form, stripping, place: nil), "\(form)")
            #expect(try !Self.takes(form, stripping, forwards: true), "\(form)")
        }
        let basic = Base64.encode("u:\(ours)".utf8.span)
        #expect(try Self.takes("basic \(basic.text(0..<basic.count))", stripping))
        let theirs = [
            try Self.made(#"{"iss":"us","aud":"app"}"#), try Self.made(#"{"iss":"us"}"#),
            try Self.made(#"{"iss":"them","aud":"gateway"}"#), try Self.made("{}"),
            try Self.made(#"{"iss":"us","aud":"gateway"}"#, header: #"{"alg":"ES256"}"#),
        ]
        for token in theirs { #expect(try !Self.takes("Bearer \(token)", stripping), "\(token)") }
        for value in [
            "Basic eDp5", "Bearer abc", "token abc", "Bearer a.b.c", "", "Basic", "Basic !",
        ] {
            #expect(try !Self.takes(value, stripping), "\(value)")
        }
    }

    @Test("of what cannot be read, the worst is believed")
    func unreadable() throws {
        let cookie = settings { ($0.from, $0.issuer) = ([.cookie("c")], "us") }
        let stripping = TokenStripping([cookie], among: [cookie])
        let header = segment(Array(#"{"alg":"HS256"}"#.utf8))
        for token in [
            "\(header).e30.x", "\(header).e3.x", "\(String(repeating: "x", count: 14)).e30.c2ln",
            try Self.made(#"{"iss":"us"}"#, header: #"{"alg":"HS256","crit":["b"]}"#),
            try Self.made(#"{"iss":"us","aud":7}"#, header: #"{"alg":"HS256","typ":"rt+jwt"}"#),
        ] {
            #expect(try Self.takes("Bearer \(token)", stripping), "\(token)")
        }
    }

    @Test("where it was looked at and nobody was let in, every bearer token goes")
    func looked() throws {
        let both = settings { $0.from = [.cookie("c"), .bearer] }
        let stripping = TokenStripping([both], among: [both])
        #expect(try Self.takes("Bearer abc", stripping, place: nil))
        #expect(try Self.takes("Bearer abc", stripping, place: .bearer))
        #expect(try !Self.takes("Bearer abc", stripping))
        #expect(try !Self.takes("token abc", stripping, place: nil))
    }

    @Test("without auth, and where the app reads tokens, it is the app's")
    func open() throws {
        let rule = settings()
        let token = try Self.made("{}")
        for policy in [TokenStripping.Policy.open, .forwarded] {
            let stripping = TokenStripping([], among: [rule], policy)
            #expect(try !Self.takes("Bearer \(token)", stripping, place: nil))
        }
    }

    @Test("a token of ours goes whatever stands around it, and any value is judged")
    func anything() throws {
        let stripping = TokenStripping([settings { $0.from = [.cookie("c")] }])
        let token = Array(try Self.made(#"{"sub":"7"}"#).utf8)
        let identity = try authenticate(signed("{}"))
        // Nothing that could be a part of it.
        let around = Array(" \t,;=\"'()<>@:/[]?{}\\!#$%&*+^`|~".utf8)
        var generator = SeededGenerator(seed: fuzzSeed)
        func takes(_ value: [UInt8]) -> Bool {
            let name = Array("authorization".utf8)
            let fields = Fields(
                bytes: name + value,
                lines: [
                    .init(
                        name: 0..<name.count, value: name.count..<(name.count + value.count),
                        known: .authorization)
                ])
            return stripping.takes(fields.lines[0], of: fields, identity, .cookie("c"))
        }
        for _ in 0..<fuzzIterations {
            let before = generator.elements(1...4, of: around)
            let behind = generator.elements(1...4, of: around)
            #expect(takes(Array("Bearer".utf8) + before + token + behind))
            _ = takes(generator.mutated(token))
            _ = takes(Array("Basic ".utf8) + generator.elements(0...64, of: 0...255))
        }
    }

    @Test("a header that a rule names goes in any spelling, elsewhere where it holds a token")
    func headers() throws {
        let own = settings { $0.from = [.header("X-Token")] }
        let token = try Self.made("{}")
        for name in ["X-Token", "x_token", "X.TOKEN"] {
            let stripping = TokenStripping([own], among: [own])
            #expect(try Self.takes("abc", stripping, name: name))
            let open = TokenStripping([], among: [own], .open)
            #expect(try !Self.takes("abc", open, name: name))
            #expect(try Self.takes("Bearer \(token)", open, name: name))
            let forwarded = TokenStripping([own], among: [own], .forwarded)
            #expect(try !Self.takes(token, forwarded, name: name))
        }
        #expect(try !Self.takes(token, TokenStripping([own]), name: "X-Tokens"))
    }
}

@Suite("Names in fields")
struct FieldEncodingTests {
    @Test(
        "texts are written so that apps read them, and no two alike",
        arguments: [
            ("7", "7", "Nw=="), ("김", "UTF-8''%EA%B9%80", "6rmA"), ("a b", "a b", "YSBi"),
            ("kim@a.kr", "kim@a.kr", "a2ltQGEua3I="),
            ("UTF-8''7", "UTF-8''UTF-8%27%277", "VVRGLTgnJzc="),
            ("a,b", "UTF-8''a%2Cb", "YSxi"), ("50%", "50%", "NTAl"),
            ("é*", "UTF-8''%C3%A9%2A", "w6kq"),
        ])
    func encodings(text: String, extended: String, base64: String) {
        #expect(TokenSettings.FieldEncoding.utf8.encoded(text) == text)
        #expect(TokenSettings.FieldEncoding.rfc8187.encoded(text) == extended)
        #expect(TokenSettings.FieldEncoding.base64.encoded(text) == base64)
    }

    @Test("each role is written by itself")
    func roles() throws {
        let claims = #"{"sub":"김","role":["a,b","김"]}"#
        let table: [(TokenSettings.FieldEncoding, String, String)] = [
            (.utf8, "김", "a%2Cb,김"),
            (.rfc8187, "UTF-8''%EA%B9%80", "UTF-8''a%2Cb,UTF-8''%EA%B9%80"),
            (.base64, "6rmA", "YSxi,6rmA"),
        ]
        for (encoding, user, roles) in table {
            let identity = try authenticate(
                signed(claims), settings { $0.fieldEncoding = encoding })
            let fields = identity.fields
            #expect(fields.first { $0.name == "X-Auth-User" }?.value == user)
            #expect(fields.first { $0.name == "X-Auth-Role" }?.value == roles)
            #expect(identity.encodedUser == user)
            #expect(identity.roleElement == "a%2Cb")
        }
    }
}
