import Bytes
import HTTP
import HTTP1
import Randomness
import Testing

@Suite struct BodyEncoderTests {
    /// What is written for data in these portions and an end, line feeds standing for CRLF; or why
    /// nothing more is.
    private func written(
        _ framing: BodyFraming, _ portions: [String], trailers: Fields? = nil
    ) -> Result<String, BodyMismatch> {
        var encoder = BodyEncoder(framing)
        var output: [UInt8] = []
        return Result { () throws(BodyMismatch) in
            for portion in portions { try encoder.append(portion.utf8.span, to: &output) }
            #expect(!encoder.isComplete)
            try encoder.end(trailers: trailers, to: &output)
            #expect(encoder.isComplete)
            return String(decoding: output, as: UTF8.self).replacing("\r\n", with: "\n")
        }
    }

    private static let sum = Fields([(name: "X-Sum", value: "1")])

    @Test(
        arguments: [
            (.none, [], .success("")),
            (.none, [""], .success("")),
            (.none, ["a"], .failure(.tooLong)),
            (.length(0), [], .success("")),
            (.length(3), ["ab", "", "c"], .success("abc")),
            (.length(3), ["ab"], .failure(.tooShort)),
            (.length(3), ["ab", "cd"], .failure(.tooLong)),
            (.chunked, [], .success("0\n\n")),
            (.chunked, ["", ""], .success("0\n\n")),
            (
                .chunked, ["ab", "", "0123456789abcdefg"],
                .success("2\nab\n11\n0123456789abcdefg\n0\n\n")
            ),
            (.untilClose, ["ab", "c"], .success("abc")),
        ] as [(BodyFraming, [String], Result<String, BodyMismatch>)])
    func `data leaves in its framing, or not at all`(
        framing: BodyFraming, portions: [String], expected: Result<String, BodyMismatch>
    ) {
        #expect(written(framing, portions) == expected)
    }

    @Test func `trailers travel behind chunks only`() {
        #expect(
            written(.chunked, ["a"], trailers: Self.sum) == .success("1\na\n0\nX-Sum: 1\n\n"))
        for framing in [BodyFraming.length(1), .untilClose] {
            #expect(written(framing, ["a"], trailers: Self.sum) == .success("a"))
        }
    }

    @Test(arguments: [BodyFraming.none, .length(0), .chunked, .untilClose])
    func `behind the end nothing is sent`(framing: BodyFraming) throws {
        var encoder = BodyEncoder(framing)
        var output: [UInt8] = []
        try encoder.end(to: &output)
        let whole = output
        #expect(throws: BodyMismatch.ended) { try encoder.append("a".utf8.span, to: &output) }
        #expect(throws: BodyMismatch.ended) { try encoder.beginData(0, to: &output) }
        #expect(throws: BodyMismatch.ended) { try encoder.end(to: &output) }
        #expect(output == whole)
    }

    @Test func `too much is refused before any of it is written, and does not count`() throws {
        var encoder = BodyEncoder(.length(2))
        var output: [UInt8] = []
        #expect(throws: BodyMismatch.tooLong) { try encoder.append("abc".utf8.span, to: &output) }
        #expect(output.isEmpty)
        try encoder.append("ab".utf8.span, to: &output)
        try encoder.end(to: &output)
        #expect(output == Array("ab".utf8))
    }

    @Test func `octets may be sent between what frames them`() throws {
        for (framing, expected) in [(BodyFraming.chunked, "3\r\n|\r\n"), (.length(3), "|")] {
            var encoder = BodyEncoder(framing)
            var output: [UInt8] = []
            try encoder.beginData(3, to: &output)
            output.append(UInt8(ascii: "|"))
            encoder.endData(3, to: &output)
            #expect(output == Array(expected.utf8))
            #expect(encoder.framesData == (framing == .chunked))
        }
    }

    @Test func `what the encoder writes the decoder reads, in any portions`() throws {
        var generator = SeededGenerator(seed: Fuzzing.seed(default: 0xB0D1))
        for _ in 0..<Fuzzing.iterations(default: 300) {
            let body = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            for framing in [BodyFraming.length(body.count), .chunked, .untilClose] {
                var encoder = BodyEncoder(framing)
                var output: [UInt8] = []
                for range in generator.pieces(of: body.count, 1...40) {
                    try encoder.append(Array(body[range]).span, to: &output)
                }
                try encoder.end(trailers: Self.sum, to: &output)
                for pieces in cuts(of: output, using: &generator) {
                    let outcome = BodyOutcome(framing, pieces)
                    #expect(outcome.data == body)
                    #expect(
                        (outcome.trailers != nil)
                            == (framing != .untilClose && framing != .length(0)))
                }
            }
        }
    }
}
