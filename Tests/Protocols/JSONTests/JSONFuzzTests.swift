import Bytes
import JSON
import Randomness
import Testing

@Suite("JSON under random input")
struct JSONFuzzTests {
    private static let seeds = [
        #"{"iss":"joe","exp":1300819380,"http://example.com/is_root":true,"a":[1,-2.5e-3,null]}"#,
        #"{"aud":["a","b"],"s":"\ud83d\ude00\u0041\n","o":{"o":{"o":[[],{}]}},"é":"접속"}"#,
        #"[true,false,null,0,-0,1.0,1e9,"","\\\"",[[[[[[]]]]]],{"a":{},"b":{},"c":{}}]"#,
    ]

    @Test("what is accepted is written and read again as the same; nothing else happens")
    func mutations() throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 8259))
        var accepted = 0
        let rounds = Fuzzing.iterations(default: 9000)
        for round in 0..<rounds {
            let text = generator.mutated(Array(Self.seeds[round % Self.seeds.count].utf8))
            guard let value = try? JSONValue.decode(text.span) else { continue }
            accepted += 1
            var written: [UInt8] = []
            written.appendJSON(value)
            #expect(try JSONValue.decode(written.span) == value)
        }
        // A corpus that is always refused, or never, would test nothing.
        #expect(accepted > rounds / 30 && accepted < rounds / 9 * 8)
    }

    @Test("random trees survive writing and reading")
    func trees() throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 7519))
        for _ in 0..<Fuzzing.iterations(default: 9000) / 18 {
            let value = Self.tree(depth: 5, &generator)
            var written: [UInt8] = []
            written.appendJSON(value)
            #expect(try JSONValue.decode(written.span) == value)
        }
    }

    private static func tree(depth: Int, _ generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .number(JSONNumber(Int64.random(in: .min ... .max, using: &generator)))
        case 3: return .string(text(&generator))
        case 4:
            let count = Int.random(in: 0..<5, using: &generator)
            return .array((0..<count).map { _ in tree(depth: depth - 1, &generator) })
        case _:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<20, using: &generator) {
                object[text(&generator)] = tree(depth: depth - 2, &generator)
            }
            return .object(object)
        }
    }

    private static func text(_ generator: inout SeededGenerator) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<12, using: &generator) {
            let limit: UInt32 = Bool.random(using: &generator) ? 0x80 : 0x110000
            if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) {
                text.append(scalar)
            }
        }
        return String(text)
    }
}
