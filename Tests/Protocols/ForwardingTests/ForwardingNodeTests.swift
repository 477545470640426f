import Forwarding
import Randomness
import Testing

private func read(_ text: String) -> ForwardingNode? { ForwardingNode(text.utf8.span) }

@Suite struct ForwardingNodeTests {
    private func written(_ node: ForwardingNode) -> (bare: String, parameter: String) {
        var (bare, parameter): ([UInt8], [UInt8]) = ([], [])
        node.appendBare(to: &bare)
        node.appendParameter(to: &parameter)
        return (String(decoding: bare, as: UTF8.self), String(decoding: parameter, as: UTF8.self))
    }

    @Test(
        arguments: [
            ("1.2.3.4", nil, "1.2.3.4", "for=1.2.3.4"),
            ("1.2.3.4:51008", 51008, "1.2.3.4", "for=1.2.3.4"),
            ("1.2.3.4:0", 0, "1.2.3.4", "for=1.2.3.4"),
            ("1.2.3.4:00080", 80, "1.2.3.4", "for=1.2.3.4"),
            ("1.2.3.4:_port", nil, "1.2.3.4", "for=1.2.3.4"),
            ("2001:db8::1", nil, "2001:db8::1", "for=\"[2001:db8::1]\""),
            ("[2001:db8::1]", nil, "2001:db8::1", "for=\"[2001:db8::1]\""),
            ("[2001:db8::1]:4711", 4711, "2001:db8::1", "for=\"[2001:db8::1]\""),
            ("[::ffff:1.2.3.4]:1", 1, "1.2.3.4", "for=1.2.3.4"),
            ("unknown", nil, "unknown", "for=unknown"), ("UNKNOWN:1", 1, "unknown", "for=unknown"),
            ("_hidden", nil, "_hidden", "for=_hidden"), ("_a.B-_9:7", 7, "_a.B-_9", "for=_a.B-_9"),
        ] as [(String, UInt16?, String, String)])
    func `nodes of every kind are read and written`(
        text: String, port: UInt16?, bare: String, parameter: String
    ) throws {
        let node = try #require(read(text))
        #expect(node.port == port)
        #expect(written(node) == (bare, parameter))
    }

    @Test(
        arguments: [
            "", ":", ":80", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:123456", "1.2.3.4:8x",
            "1.2.3.4:_",
            "1.2.3.4:80:80", "[1.2.3.4]", "[1.2.3.4]:80", "[]", "[::1", "[::1]80", "[::1]:",
            "[::1]x",
            "::1]", "_", "_a b", "_a,", "unknown ", "localhost", "app.example.kr", "1.2.3",
            "[::1%lo]",
        ])
    func `anything else is none`(text: String) {
        #expect(read(text) == nil)
    }

    /// Whatever is taken for a node is written so that it is read as the same one.
    @Test func `any text is a node that survives being written, or none`() throws {
        var random = SeededGenerator(seed: Fuzzing.seed())
        let pieces = [
            "1", "255", "0", "1.2.3.4", ".", ":", "::", "[", "]", "2001:db8", "ffff", "_h", "_",
            "unknown", "%", "80", "65536", "-", " ", "\"", "가",
        ]
        var count = 0
        let rounds = Fuzzing.iterations(default: 4_000)
        for _ in 0..<rounds {
            let text = random.elements(0...6, of: pieces).joined()
            guard let node = read(text) else { continue }
            count += 1
            let (bare, parameter) = written(node)
            #expect(read(bare).map { written($0).bare } == bare, "\(text)")
            #expect(bare.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2C }, "\(text)")
            var list = ForwardedList()
            list.read(parameter.utf8.span)
            #expect(list.elements.map { $0.node.map { written($0).bare } } == [bare], "\(text)")
        }
        #expect(count > rounds / 100 && count < rounds)
    }
}
