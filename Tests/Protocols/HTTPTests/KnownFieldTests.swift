import Bytes
import HTTP
import Testing

@Suite("Known fields")
struct KnownFieldTests {
    private func known(_ name: String) -> KnownField { KnownField(name: name.utf8.span) }

    @Test("every name is found in any case", arguments: KnownField.allCases)
    func found(field: KnownField) {
        let name = field.name
        #expect(known(name) == field)
        #expect(known(name.uppercased()) == field)
    }

    @Test("names that differ in any one letter are other", arguments: KnownField.allCases)
    func mutated(field: KnownField) {
        for position in field.name.utf8.indices {
            var octets = [UInt8](field.name.utf8)
            octets[field.name.utf8.distance(from: field.name.utf8.startIndex, to: position)] = 0x21
            #expect(known(String(decoding: octets, as: UTF8.self)) == .other)
        }
        #expect(known(field.name + "x") == .other)
    }

    @Test("unknown names are other", arguments: ["", "x", "x-client-id", "set-cookie", "hosts"])
    func unknown(name: String) {
        #expect(known(name) == .other)
    }
}

@Suite("Methods")
struct MethodTests {
    static let registered: [(String, Method)] = [
        ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
        ("CONNECT", .connect), ("OPTIONS", .options), ("TRACE", .trace), ("PATCH", .patch),
    ]

    @Test("registered methods are found", arguments: registered)
    func finds(name: String, method: Method) {
        let parsed = Method(name.utf8.span)
        #expect(parsed == method)
        #expect(method.name == name)
    }

    @Test("others keep their name", arguments: ["get", "Post", "PURGE", "G", "MKCALENDAR", "PUX"])
    func others(name: String) {
        let parsed = Method(name.utf8.span)
        #expect(parsed == .other(name))
        #expect(parsed.name == name)
    }
}

@Suite("Token octets")
struct TokenTests {
    @Test("are those of RFC 9110 §5.6.2")
    func follows() {
        let letters = "abcdefghijklmnopqrstuvwxyz"
        let tokens = Set(("!#$%&'*+-.^_`|~0123456789" + letters + letters.uppercased()).utf8)
        for octet in UInt8.min...UInt8.max {
            #expect(ASCII.isToken(octet) == tokens.contains(octet), "octet \(octet)")
        }
    }
}
