import Settings
import Testing

@testable import Entry

@Suite("Fields of answers")
struct AnswerFieldsTests {
    private func written(_ fields: AnswerFields, besides own: [(String, String)] = []) -> String {
        var output: [UInt8] = []
        fields.append(besides: own.map { (name: $0.0, value: $0.1) }, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("what is configured takes the place of the app's, and gives way to what is said anyway")
    func configured() {
        var fields = AnswerFields()
        fields.configured = [
            ConfiguredField(name: "X-A", .text("1")), ConfiguredField(name: "x-a", .text("2")),
            ConfiguredField(name: "Server", .none),
            ConfiguredField(name: "X-K", .credentials(Secret(Array("k".utf8)))),
            ConfiguredField(name: "X-Split", .text("a\r\nb")),
        ]
        for name in ["x-a", "X-A", "SERVER", "X-Split"] { #expect(fields.replaces(name)) }
        for name in ["X_A", "X-AB", "Strict-Transport-Security", ""] {
            #expect(!fields.replaces(name))
        }
        #expect(written(fields) == "X-A: 1\r\nx-a: 2\r\nX-K: k\r\n")
        #expect(written(fields, besides: [("X-a", "0")]) == "X-K: k\r\n")
    }

    @Test("hsts is said over https, by the route or else by the listener")
    func transport() {
        let said = StrictTransport(maxAge: .seconds(60))
        let listeners = StrictTransport(maxAge: .seconds(5))
        let table: [(TransportRule, Bool, String, Bool)] = [
            (.listeners, true, "max-age=5", true), (.listeners, false, "", true),
            (.said(said), true, "max-age=60", true), (.said(said), false, "", true),
            (.off, true, "", false), (.off, false, "", false),
        ]
        for (rule, isSecure, value, replaces) in table {
            var fields = AnswerFields(listeners, isSecure: isSecure)
            fields.note(rule, isSecure: isSecure)
            let line = value.isEmpty ? "" : "Strict-Transport-Security: \(value)\r\n"
            #expect(written(fields) == line)
            #expect(fields.replaces("strict-transport-security") == replaces)
        }
    }
}
