import Bytes
import Forwarding
import Randomness
import Testing

private let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

/// A header of version 2 with its length; `length` says another one than the truth.
private func block(
    _ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil
) -> [UInt8] {
    let count = length ?? rest.count
    return signature + [command, family, UInt8(count >> 8), UInt8(count & 0xFF)] + rest
}

private func field(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
    [type, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
}

/// 192.0.2.1:56324 to 198.51.100.7:443.
private let addresses4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0xDC, 0x04, 0x01, 0xBB]
/// [2001:db8::1]:1 to [::1]:65535.
private let addresses6: [UInt8] =
    [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    + [UInt8](repeating: 0, count: 15) + [1, 0, 1, 0xFF, 0xFF]

private func internet(
    _ client: String, _ clientPort: UInt16, _ server: String, _ serverPort: UInt16
) -> ProxyHeader.Origin {
    func endpoint(_ text: String, _ port: UInt16) -> ProxyHeader.Endpoint {
        .init(address: NumericAddress(text) ?? .unspecified4, port: port)
    }
    return .internet(client: endpoint(client, clientPort), server: endpoint(server, serverPort))
}

private let over4 = internet("192.0.2.1", 56324, "198.51.100.7", 443)
private let over6 = internet("2001:db8::1", 1, "::1", 65535)

/// What came of octets that arrived in pieces, and how many were taken.
private struct Outcome: Equatable {
    var header: ProxyHeader?
    var error: ProxyHeaderError?
    var count = 0
}

private func decode(
    _ octets: [UInt8], _ pieces: [Range<Int>], by decoder: inout ProxyHeaderDecoder
) -> Outcome {
    var outcome = Outcome()
    for piece in pieces {
        var index = 0
        do throws(ProxyHeaderError) {
            outcome.header = try decoder.decode(octets.span.extracting(piece), at: &index)
        } catch {
            outcome.error = error
        }
        outcome.count += index
        if outcome.header != nil || outcome.error != nil { return outcome }
    }
    return outcome
}

private func decode(_ octets: [UInt8], _ pieces: [Range<Int>]) -> Outcome {
    var decoder = ProxyHeaderDecoder()
    return decode(octets, pieces, by: &decoder)
}

@Suite struct ProxyHeaderTests {
    static let headers: [(octets: [UInt8], header: ProxyHeader)] = [
        // Version 1.
        (Array("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n".utf8), ProxyHeader(over4)),
        (Array("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n".utf8), ProxyHeader(over6)),
        (
            Array("PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n".utf8),
            ProxyHeader(internet("0.0.0.0", 0, "255.255.255.255", 0))
        ),
        (Array("PROXY UNKNOWN\r\n".utf8), ProxyHeader(.local)),
        (Array("PROXY UNKNOWN ffff:f...f:ffff whatever it is 65535\r\n".utf8), ProxyHeader(.local)),
        (
            Array(("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n").utf8),
            ProxyHeader(.local)
        ),
        // Version 2.
        (block(0x21, 0x11, addresses4), ProxyHeader(over4)),
        (block(0x21, 0x12, addresses4), ProxyHeader(over4)),
        (block(0x21, 0x21, addresses6), ProxyHeader(over6)),
        (block(0x21, 0x22, addresses6), ProxyHeader(over6)),
        (block(0x21, 0x31, [UInt8](repeating: 0x2F, count: 216)), ProxyHeader(.unix)),
        (block(0x21, 0x00, []), ProxyHeader(.local)),
        (block(0x21, 0x00, [1, 2, 3]), ProxyHeader(.local)),
        (block(0x21, 0x10, addresses4), ProxyHeader(.local)),
        (block(0x21, 0x01, addresses4), ProxyHeader(.local)),
        (block(0x20, 0x00, []), ProxyHeader(.local)),
        (block(0x20, 0x11, addresses4), ProxyHeader(.local)),
        (block(0x20, 0xFF, [1, 2, 3]), ProxyHeader(.local)),
        // Additional fields: unknown ones, padding, the longest header.
        (block(0x21, 0x11, addresses4 + field(0xEE, [1, 2]) + field(4, [])), ProxyHeader(over4)),
        (
            block(0x21, 0x11, addresses4 + field(4, [UInt8](repeating: 0, count: 4065))),
            ProxyHeader(over4)
        ),
        // TLS: with the client, without, with a version and a name.
        (
            block(0x21, 0x11, addresses4 + field(0x20, [1, 0, 0, 0, 1])),
            ProxyHeader(over4, isSecure: true)
        ),
        (
            block(0x21, 0x11, addresses4 + field(0x20, [0, 0, 0, 0, 0])),
            ProxyHeader(over4, isSecure: false)
        ),
        (
            block(
                0x21, 0x21,
                addresses6 + field(0x20, [7, 0, 0, 0, 0] + field(0x21, Array("TLSv1.3".utf8)))),
            ProxyHeader(over6, isSecure: true)
        ),
        // CRC32c.
        (block(0x21, 0x11, addresses4 + field(3, [0xD4, 0x5A, 0x11, 0xB9])), ProxyHeader(over4)),
    ]

    @Test(arguments: headers)
    func `a header is read whole, octet by octet and in pieces, and nothing behind it`(
        octets: [UInt8], header: ProxyHeader
    ) {
        var random = SeededGenerator(seed: 1)
        let more = octets + Array("GET / HTTP/1.1\r\n".utf8)
        let cuts = (0..<20).map { _ in random.pieces(of: more.count, 1...9) }
        for pieces in [[0..<more.count], (0..<more.count).map { $0..<$0 + 1 }] + cuts {
            #expect(decode(more, pieces) == Outcome(header: header, count: octets.count))
        }
        for count in 0..<octets.count {
            #expect(decode(octets, [0..<count]) == Outcome(count: count))
        }
    }

    @Test(
        arguments: [
            // Something else.
            ("GET / HTTP/1.1\r\n", .noHeader), ("\u{16}\u{3}\u{1}", .noHeader),
            ("\r\n\r\n\r", .noHeader),
            ("PROXY\r\n", .noHeader), ("proxy TCP4", .noHeader), ("PRI * HTTP/2.0", .noHeader),
            // Version 1 out of its grammar.
            ("PROXY \r\n", .malformedLine), ("PROXY \n", .malformedLine),
            ("PROXY TCP4\r\n", .malformedLine), ("PROXY UNKNOWNX\r\n", .malformedLine),
            ("PROXY unknown\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", .malformedLine),
            ("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 x\r\n", .malformedLine),
            ("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP4 ::1 ::1 1 2\r\n", .malformedLine),
            ("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP6 ::1 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP6 [::1] [::1] 1 2\r\n", .malformedLine),
            ("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", .malformedLine),
            ("PROXY TCP4 " + String(repeating: "1", count: 200), .tooLong),
            ("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n", .tooLong),
        ] as [(String, ProxyHeaderError)])
    func `other words are refused`(text: String, error: ProxyHeaderError) {
        refuses(Array(text.utf8), error)
    }

    @Test(
        arguments: [
            // Versions, commands, families and transports that do not exist.
            (block(0x11, 0x11, addresses4), .unknownKind),
            (block(0x31, 0x11, addresses4), .unknownKind),
            (block(0x22, 0x11, addresses4), .unknownKind),
            (block(0x2F, 0x11, addresses4), .unknownKind),
            (block(0x21, 0x41, addresses4), .unknownKind),
            (block(0x21, 0x13, addresses4), .unknownKind),
            // Lengths.
            (block(0x21, 0x11, Array(addresses4.dropLast())), .malformedBlock),
            (block(0x21, 0x21, addresses4), .malformedBlock),
            (block(0x21, 0x31, addresses6), .malformedBlock),
            (block(0x21, 0x11, [], length: 4081), .tooLong),
            (block(0x20, 0x00, [], length: 65535), .tooLong),
            (block(0x21, 0x11, addresses4 + [1]), .malformedBlock),
            (block(0x21, 0x11, addresses4 + [4, 0]), .malformedBlock),
            (block(0x21, 0x11, addresses4 + [4, 0, 1]), .malformedBlock),
            (block(0x21, 0x11, addresses4 + [4, 0xFF, 0xFF, 1]), .malformedBlock),
            (block(0x21, 0x11, addresses4 + field(0x20, [1, 0, 0, 0])), .malformedBlock),
            (block(0x21, 0x11, addresses4 + field(0x20, [1, 0, 0, 0, 0, 0x21])), .malformedBlock),
            (
                block(0x21, 0x11, addresses4 + field(0x20, [1, 0, 0, 0, 0, 0x21, 0, 9])),
                .malformedBlock
            ),
            // Checksums.
            (block(0x21, 0x11, addresses4 + field(3, [0, 0, 0, 0])), .checksum),
            (block(0x21, 0x11, addresses4 + field(3, [0xD4, 0x5A, 0x11])), .malformedBlock),
        ] as [([UInt8], ProxyHeaderError)])
    func `other blocks are refused`(octets: [UInt8], error: ProxyHeaderError) {
        refuses(octets, error)
    }

    private func refuses(_ octets: [UInt8], _ error: ProxyHeaderError) {
        for pieces in [[0..<octets.count], (0..<octets.count).map { $0..<$0 + 1 }] {
            var decoder = ProxyHeaderDecoder()
            #expect(decode(octets, pieces, by: &decoder).error == error)
            // And for ever.
            let good = Array("PROXY UNKNOWN\r\n".utf8)
            #expect(decode(good, [0..<good.count], by: &decoder) == Outcome(error: error))
        }
    }

    @Test(
        arguments: [
            (
                over4, "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
                block(0x21, 0x11, addresses4)
            ),
            (over6, "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", block(0x21, 0x21, addresses6)),
            (.local, "PROXY UNKNOWN\r\n", block(0x20, 0x00, [])),
            (.unix, "PROXY UNKNOWN\r\n", block(0x20, 0x00, [])),
        ] as [(ProxyHeader.Origin, String, [UInt8])])
    func `a header is written in both versions`(
        origin: ProxyHeader.Origin, line: String, octets: [UInt8]
    ) {
        var (first, second): ([UInt8], [UInt8]) = ([], [])
        ProxyHeader(origin).append(.v1, to: &first)
        ProxyHeader(origin).append(.v2, to: &second)
        #expect(String(decoding: first, as: UTF8.self) == line)
        #expect(second == octets)
    }

    @Test(arguments: [ProxyHeader.Version.v1, .v2])
    func `of addresses of two kinds, the IPv4 one is mapped`(version: ProxyHeader.Version) {
        for (client, server) in [("192.0.2.1", "::1"), ("::1", "192.0.2.1")] {
            var octets: [UInt8] = []
            ProxyHeader(internet(client, 1, server, 2)).append(version, to: &octets)
            let found = decode(octets, [0..<octets.count]).header
            let mapped = { (text: String) in text == "::1" ? text : "::ffff:" + text }
            #expect(found?.origin == internet(mapped(client), 1, mapped(server), 2))
        }
    }

    /// Nothing makes it fall over, take more than a header may have, or know what it was not told.
    @Test func `any octets are a header, none, or the beginning of one`() {
        var random = SeededGenerator(seed: Fuzzing.seed())
        for _ in 0..<Fuzzing.iterations(default: 20_000) {
            guard let (octets, _) = Self.headers.randomElement(using: &random) else { return }
            let input = random.mutated(octets)
            let pieces = random.pieces(of: input.count, 1...max(1, input.count))
            let whole = decode(input, [0..<input.count])
            let cut = decode(input, pieces)
            #expect(whole.header == cut.header, "\(input)")
            #expect(whole.error == cut.error, "\(input)")
            #expect(whole.count <= ProxyHeaderDecoder.sizeLimit)
        }
    }
}
