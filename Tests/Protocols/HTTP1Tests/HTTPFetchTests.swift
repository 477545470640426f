import Bytes
import HTTP
import HTTP1
import Testing

@Suite struct HTTPFetchTests {
    private static let limit = 20

    private func fetch(
        _ outline: RequestOutline = .init(.get, isLast: true), content: String? = nil
    ) throws(SendError) -> HTTPFetch {
        var lines: [UInt8] = []
        HeadEncoder.appendField(name: "Host", value: "a", to: &lines)
        return try HTTPFetch(
            outline, target: "/x", lines: lines, content: content.map { Array($0.utf8) },
            bodyLimit: Self.limit)
    }

    /// What is heard of octets that come in these pieces, and of the end, if it comes.
    private func heard(
        _ pieces: [ArraySlice<UInt8>], ending: Bool?, _ outline: RequestOutline
    ) -> [String] {
        var heard: [String] = []
        do throws(SendError) {
            var fetch = try fetch(outline)
            do throws(ResponseError) {
                for piece in pieces {
                    let input = Array(piece)
                    var index = 0
                    while let event = try fetch.receive(input.span, at: &index) {
                        switch event {
                        case .head(let head): heard.append("\(head.status)")
                        case .tunnel(let head): return heard + ["tunnel \(head.status)"]
                        case .body(let body):
                            return heard + [String(decoding: body, as: UTF8.self)]
                        }
                    }
                }
                guard let ending else { return heard + ["more"] }
                let body = try fetch.inputEnded(isBroken: ending)
                return heard + [String(decoding: body, as: UTF8.self)]
            } catch {
                return heard + ["\(error)"]
            }
        } catch {
            return ["\(error)"]
        }
    }

    /// The answer, how it ends (nil: not, true: it breaks), and what is heard of it.
    private static let answers: [(String, Bool?, [String])] = [
        ("HTTP/1.1 200 OK|Content-Length: 2||ab", nil, ["200", "ab"]),
        ("HTTP/1.1 200 OK|Content-Length: 2||abc", nil, ["200", "ab"]),
        ("HTTP/1.1 200 OK|Content-Length: 0||", nil, ["200", ""]),
        ("HTTP/1.1 204 OK||", nil, ["204", ""]),
        ("HTTP/1.1 404 No|Transfer-Encoding: chunked||1|a|1|b|0|X: 1||", nil, ["404", "ab"]),
        (
            "HTTP/1.1 100 C||HTTP/1.1 103 E||HTTP/1.1 200 OK|Content-Length: 1||a", nil,
            ["200", "a"]
        ),
        ("HTTP/1.1 200 OK||ab", nil, ["200", "more"]),
        ("HTTP/1.1 200 OK||ab", false, ["200", "ab"]),
        ("HTTP/1.1 200 OK||ab", true, ["200", "body(HTTP1.BodyError.incomplete)"]),
        (
            "HTTP/1.1 200 OK|Content-Length: 3||ab", false,
            ["200", "body(HTTP1.BodyError.incomplete)"]
        ),
        ("HTTP/1.1 200 OK|Content-Length: 3|", false, ["ended"]),
        ("", false, ["ended"]),
        ("HTTP/1.1 200 OK|Content-Length: 21||", nil, ["200", "bodyTooLarge"]),
        ("HTTP/1.1 200 OK||123456789012345678901", nil, ["200", "bodyTooLarge"]),
        ("HTTP/1.1 200 OK||12345678901234567890", false, ["200", "12345678901234567890"]),
        ("HTTP/1.1 101 S|Upgrade: y||", nil, ["unaskedSwitch"]),
        ("hello||", nil, ["head(HTTP1.HeadError.malformedStartLine)"]),
    ]

    @Test(arguments: answers.indices)
    func `a whole answer comes of it, or why none does, however it is cut`(index: Int) {
        let (text, ending, expected) = Self.answers[index]
        let octets = [UInt8](text.replacing("|", with: "\r\n").utf8)
        let outline = RequestOutline(.get, isLast: true)
        #expect(heard([octets[...]], ending: ending, outline) == expected)
        #expect(heard(octets.indices.map { octets[$0...$0] }, ending: ending, outline) == expected)
        for cut in octets.indices {
            #expect(heard([octets[..<cut], octets[cut...]], ending: ending, outline) == expected)
        }
    }

    @Test func `an offer that is taken ends it`() {
        let octets = [UInt8]("HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nrest".utf8)
        #expect(heard([octets[...]], ending: nil, .init(.get, upgrade: "x")) == ["tunnel 101"])
    }

    @Test(
        arguments: [
            (nil, ""), ("", "Content-Length: 0|"), ("hello", "Content-Length: 5|"),
        ] as [(String?, String)])
    func `the request is whole from the start`(content: String?, length: String) throws {
        let request = try fetch(.init(.put, body: .unknown, isLast: true), content: content).request
        let text = String(decoding: request, as: UTF8.self).replacing("\r\n", with: "|")
        #expect(
            text == "PUT /x HTTP/1.1|Host: a|\(length)Connection: close||\(content ?? "")")
    }

    @Test func `what cannot be sent is not begun`() {
        #expect(throws: SendError.illegalHead) {
            _ = try HTTPFetch(.init(.get), target: "/ x", lines: [], bodyLimit: 1)
        }
    }
}
