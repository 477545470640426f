import HTTP
import HTTP1
import Randomness

/// One request and what a server says to it, made up at random: what has to be heard of it is known
/// from how it was made, and never from reading it.
struct ClientHistory {
    enum Ending: CaseIterable { case open, finished, broken }

    var outline = RequestOutline(.get)
    /// What the body of the request is sent in.
    var portions: [String] = []
    /// The answer comes before the end of the request.
    var isEarly = false
    var informational: [Int] = []
    var status = 200
    var minorVersion = 1
    var connection: String?
    var framing = BodyFraming.none
    var body: [UInt8] = []
    /// Octets of each chunk.
    var chunkSize = 1
    var hasTrailers = false
    var surplus = ""
    /// How many octets come before the end; nil for all.
    var cut: Int?
    var ending = Ending.open
}

extension ClientHistory {
    init(using generator: inout SeededGenerator) {
        self.init()
        let method = [Method.get, .head, .post, .put, .delete, .options, .other("PURGE")]
            .randomElement(using: &generator)
        outline = RequestOutline(method ?? .get)
        if method == .post || method == .put || Int.random(in: 0..<8, using: &generator) == 0 {
            portions = generator.elements(0...4, of: ["a", "bc", "", "0\r\n\r\n"])
            let count = portions.reduce(0) { $0 + $1.utf8.count }
            outline.body = Bool.random(using: &generator) ? .unknown : .known(count)
        }
        outline.isLast = Int.random(in: 0..<10, using: &generator) == 0
        isEarly = hasBody && Int.random(in: 0..<6, using: &generator) == 0
        informational = generator.elements(0...3, of: [100, 102, 103, 199])
        status =
            [200, 201, 204, 302, 304, 404, 413, 500, 999].randomElement(using: &generator) ?? 0
        minorVersion = Int.random(in: 0..<6, using: &generator) == 0 ? 0 : 1
        connection = ["close", "keep-alive", "x, Close"].randomElement(using: &generator)
        if Int.random(in: 0..<3, using: &generator) > 0 { connection = nil }
        body = generator.octets(Int.random(in: 0...30, using: &generator))
        framing =
            [.length(body.count), .chunked, .untilClose].randomElement(using: &generator)
            ?? .none
        if minorVersion == 0, framing == .chunked { framing = .untilClose }
        if outline.method == .head || status == 204 || status == 304 { body = [] }
        chunkSize = Int.random(in: 1...10, using: &generator)
        hasTrailers = Bool.random(using: &generator)
        if Int.random(in: 0..<10, using: &generator) == 0, framing != .untilClose {
            surplus = "HTTP/1.1 200 OK\r\n\r\n"
        }
        if Int.random(in: 0..<4, using: &generator) == 0 {
            surplus = ""
            cut = Int.random(in: 0...octets.count, using: &generator)
            ending = Bool.random(using: &generator) ? .finished : .broken
        } else if isClosed {
            ending = .finished
        }
    }

    /// The request has a body in which something is sent, be it only a last chunk.
    var hasBody: Bool { outline.body != .none && outline.body != .known(0) }
    private var isBodiless: Bool {
        outline.method == .head || status == 204 || status == 304
    }
    /// The end of the connection is the end of the body.
    private var isClosed: Bool { framing == .untilClose && !isBodiless }

    // MARK: What the server says

    private var heads: [UInt8] {
        var text = informational.map { "HTTP/1.1 \($0) I\r\nX-I: \($0)\r\n\r\n" }.joined()
        text += "HTTP/1.\(minorVersion) \(status) \r\n"
        if let connection { text += "Connection: \(connection)\r\n" }
        switch framing {
        case .length(let length): text += "Content-Length: \(length)\r\n"
        case .chunked: text += "Transfer-Encoding: chunked\r\n"
        case .none, .untilClose: break
        }
        return [UInt8]((text + "\r\n").utf8)
    }

    private var framedBody: [UInt8] {
        if isBodiless || framing != .chunked { return body }
        var framed: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: chunkSize) {
            let chunk = body[start..<min(start + chunkSize, body.count)]
            framed += [UInt8]("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
        }
        return framed + [UInt8]((hasTrailers ? "0\r\nX-T: 1\r\n\r\n" : "0\r\n\r\n").utf8)
    }

    /// All of it.
    var octets: [UInt8] { heads + framedBody + [UInt8](surplus.utf8) }

    // MARK: What has to be heard

    /// Nothing is missing.
    private var isWhole: Bool {
        guard let cut else { return ending != .broken || !isClosed }
        return isClosed ? cut >= heads.count && ending == .finished : cut == octets.count
    }

    var expectedStatus: [Int] {
        var left = cut ?? .max
        var heard: [Int] = []
        for status in informational {
            left -= "HTTP/1.1 \(status) I\r\nX-I: \(status)\r\n\r\n".utf8.count
            if left >= 0 { heard.append(status) }
        }
        return (cut ?? .max) >= heads.count ? heard + [status] : heard
    }

    /// Of a whole response.
    var expectedBody: [UInt8]? {
        guard isWhole else { return nil }
        guard let cut, isClosed else { return body }
        return Array(body.prefix(cut - heads.count))
    }

    var expectsTrailers: Bool { isWhole && !isBodiless && framing == .chunked && hasTrailers }

    /// What its end, if there is one, has to mean.
    var expectedEnd: ClientConnection.InputEnd {
        let came = cut ?? octets.count
        if came == 0 { return .unanswered }
        if came < heads.count { return .early }
        if !isWhole { return .truncated }
        return isClosed ? .complete : .idle
    }

    /// Whether the connection carries another request then.
    var expectsRest: Bool {
        let mayStay =
            minorVersion == 1
            ? connection == nil || connection == "keep-alive"
            : connection == "keep-alive"
        let mayHaveBody = !["GET", "HEAD", "DELETE", "OPTIONS"].contains(outline.method.name)
        return isWhole && ending == .open && !isClosed && mayStay && !outline.isLast && !isEarly
            && surplus.isEmpty && (mayHaveBody || !hasBody)
    }

    /// It has to be quiet for a while first.
    var expectsWatch: Bool { isBodiless || hasBody && status >= 400 }
}
