import Bytes
import Forwarding
import Randomness
import Testing

/// `for|host|proto`, one word an element.
private func read(_ lines: [String]) -> [String] {
    var list = ForwardedList()
    for line in lines { list.read(line.utf8.span) }
    return list.elements.map { element in
        var node: [UInt8] = []
        element.node?.appendBare(to: &node)
        if let port = element.node?.port { node.append(":\(port)") }
        return [node, element.host ?? [], element.scheme ?? []]
            .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "|")
    }
}

@Suite struct ForwardedListTests {
    @Test(
        arguments: [
            // RFC 7239 §4 and §6.
            (["for=\"_gazonk\""], ["_gazonk||"]),
            (["For=\"[2001:db8:cafe::17]:4711\""], ["2001:db8:cafe::17:4711||"]),
            (["for=192.0.2.60;proto=http;by=203.0.113.43"], ["192.0.2.60||http"]),
            (["for=192.0.2.43, for=198.51.100.17"], ["192.0.2.43||", "198.51.100.17||"]),
            (["for=192.0.2.43", "for=198.51.100.17"], ["192.0.2.43||", "198.51.100.17||"]),
            (
                ["for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown"],
                ["192.0.2.43||", "2001:db8:cafe::17||", "unknown||"]
            ),
            (["for=_hidden, for=_SEVKISEK"], ["_hidden||", "_SEVKISEK||"]),
            (["for=192.0.2.43:47011"], ["192.0.2.43:47011||"]),
            // Everything that may be said.
            (["for=1.2.3.4;host=app.kr;proto=https"], ["1.2.3.4|app.kr|https"]),
            (["HOST=\"app.kr:8443\";PROTO=\"https\";FOR=1.2.3.4"], ["1.2.3.4|app.kr:8443|https"]),
            (["for=1.2.3.4;secret=\"a, b; c=\\\"d\\\\\";host=x"], ["1.2.3.4|x|"]),
            (["host=\"a\\pp.kr\""], ["|app.kr|"]),
            // Who is named by what is no node was still somebody.
            (["for=localhost;proto=https"], ["||https"]), (["proto=https"], ["||https"]),
            // Empty elements and pairs say nothing.
            ([""], []), ([" ,, ,\t"], []), ([";"], []), ([";;for=1.2.3.4;"], ["1.2.3.4||"]),
            (["for=1.2.3.4,"], ["1.2.3.4||"]),
            // What others do.
            (["for=1.2.3.4; proto=https ;host=x"], ["1.2.3.4|x|https"]),
            (["for=[2001:db8::1]:80"], ["2001:db8::1:80||"]),
            (["for=2001:db8::1"], ["2001:db8::1||"]),
        ])
    func `elements are read in order, over all lines`(lines: [String], elements: [String]) {
        #expect(read(lines) == elements)
    }

    @Test(
        arguments: [
            "for", "for=", "for=\"", "for=\"1.2.3.4", "for=\"1.2.3.4\\", "=1.2.3.4", "for =1.2.3.4",
            "for= 1.2.3.4", "for=1.2.3.4 proto=http", "for=1.2.3.4;for=5.6.7.8", "for=a;FOR=b",
            "for=\"1.2.3.4\"x", "for=1.2.3.4/", "garbage\"", "x=\"", "x=\", for=", "for=\";",
            "\"",
        ])
    func `what is malformed, and all before it, is not said; what follows is`(text: String) {
        #expect(read([text]) == [])
        #expect(read(["for=9.9.9.9, " + text]) == [])
        #expect(read(["for=9.9.9.9", text]) == [])
        let honest = ["1.2.3.4||https", "2001:db8::1|app.kr:81|"]
        for end in [
            "for=1.2.3.4;proto=https, for=\"[2001:db8::1]\";host=\"app.kr:81\"",
            "for=\"1.2.3.4\";proto=\"https\",for=\"[2001:db8::1]\";host=\"app.kr:81\"",
        ] {
            #expect(read([text, end]) == honest)
            // Appended by a proxy to the client's own line: the end is still the proxy's.
            #expect(read([text + ", " + end]).last == honest.last)
        }
    }

    @Test func `only the last elements are kept`() {
        let many = (0..<200).map { "for=_\($0)" }.joined(separator: ", ")
        let kept = read([many])
        #expect(kept.count == ForwardedList.elementLimit)
        #expect(kept.last == "_199||")
    }

    @Test(
        arguments: [
            ("1.2.3.4", "app.kr", "https", "for=1.2.3.4;host=app.kr;proto=https"),
            ("2001:db8::1", "app.kr:81", nil, "for=\"[2001:db8::1]\";host=\"app.kr:81\""),
            ("unknown", "[::1]", "http", "for=unknown;host=\"[::1]\";proto=http"),
            (nil, nil, nil, "for=unknown"),
        ] as [(String?, String?, String?, String)])
    func `an element is written as it is read`(
        node: String?, host: String?, scheme: String?, text: String
    ) {
        var output: [UInt8] = []
        ForwardedElement(
            node: node.flatMap { ForwardingNode($0.utf8.span) }, host: host.map { Array($0.utf8) },
            scheme: scheme.map { Array($0.utf8) }
        ).append(to: &output)
        #expect(String(decoding: output, as: UTF8.self) == text)
        let wanted = [node ?? "unknown", host ?? "", scheme ?? ""].joined(separator: "|")
        #expect(read([text]) == [wanted])
    }

    /// Whatever a client says, what a proxy appends is what is read last.
    @Test func `no client gets between a proxy and its element`() {
        var random = SeededGenerator(seed: Fuzzing.seed())
        let pieces = [
            "for=", "6.6.6.6", "host", "=", "\"", "\\", ",", ";", " ", "[", "]", "proto=https", "x",
            "\"[2001:db8::6]\"", ":", "_h",
        ]
        let ends = [
            ("for=1.2.3.4;proto=http", "1.2.3.4||http"),
            ("for=\"[2001:db8::1]\";host=app.kr", "2001:db8::1|app.kr|"),
            ("for=\"1.2.3.4:80\";host=\"app.kr:81\";proto=http", "1.2.3.4:80|app.kr:81|http"),
            ("host=\"app.kr:81\";for=1.2.3.4", "1.2.3.4|app.kr:81|"),
        ]
        for _ in 0..<Fuzzing.iterations(default: 4_000) {
            let client = random.elements(0...12, of: pieces).joined()
            for (end, element) in ends {
                for lines in [[client + ", " + end], [client + "," + end], [client, end]] {
                    #expect(read(lines).last == element, "\(lines)")
                }
            }
        }
    }
}
