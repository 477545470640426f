import HTTP1
import Randomness

/// One request with its answer, in a history that is made up: what is sent, what the owner does,
/// and, by the rules of RFC 9112 read naively, what must be heard.
struct Exchange {
    enum Content {
        case none
        case length(String)
        case chunked([String])

        var octets: String {
            switch self {
            case .none: ""
            case .length(let text): text
            case .chunked(let pieces): pieces.joined()
            }
        }

        var isNone: Bool { if case .none = self { true } else { octets.isEmpty && !isChunked } }
        var isChunked: Bool { if case .chunked = self { true } else { false } }
    }

    enum Moment: CaseIterable {
        /// Answered as soon as the head is there, without a look at the body.
        case atHead
        /// Behind the whole request.
        case atEnd
        /// The body is declined, then it is answered.
        case declined
    }

    var method: String
    var isOld: Bool
    var connection: String?
    var content: Content
    var expects: Bool
    var moment: Moment
    var status: Int
    var pieces: [String]
    var isLengthKnown: Bool
    var isLast: Bool

    init(using generator: inout SeededGenerator) {
        let texts = ["", "a", "bc", "0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "hello, world"]
        method = generator.elements(1...1, of: ["GET", "HEAD", "POST", "PUT"])[0]
        isOld = Int.random(in: 0..<6, using: &generator) == 0
        let words = [nil, nil, nil, nil, nil, isOld ? "keep-alive" : "close", "x, keep-alive"]
        connection = generator.elements(1...1, of: words)[0]
        let isBare = Bool.random(using: &generator)
        let isChunked = !isOld && Bool.random(using: &generator)
        content =
            isBare
            ? .none
            : isChunked
                ? .chunked(generator.elements(0...3, of: texts.filter { !$0.isEmpty }))
                : .length(generator.elements(1...1, of: texts)[0])
        expects = !isOld && Int.random(in: 0..<4, using: &generator) == 0
        moment = generator.elements(1...1, of: Moment.allCases)[0]
        status = generator.elements(1...1, of: [200, 200, 204, 304, 404])[0]
        pieces = generator.elements(0...3, of: texts)
        isLengthKnown = Bool.random(using: &generator)
        isLast = Int.random(in: 0..<12, using: &generator) == 0
    }

    // MARK: What the client sends

    var head: String {
        var text = "\(method) / HTTP/1.\(isOld ? 0 : 1)\r\nHost: a\r\n"
        if let connection { text += "Connection: \(connection)\r\n" }
        if expects { text += "Expect: 100-continue\r\n" }
        switch content {
        case .none: break
        case .length(let body): text += "Content-Length: \(body.utf8.count)\r\n"
        case .chunked: text += "Transfer-Encoding: chunked\r\n"
        }
        return text + "\r\n"
    }

    var body: String {
        guard case .chunked(let pieces) = content else { return content.octets }
        return pieces.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
            + "0\r\n\r\n"
    }

    /// The client sends its body only when it is told to.
    var waits: Bool { expects && !content.isNone }

    // MARK: What the owner does

    /// The lines between the head and the body, and those behind it.
    var lines: (before: [Line], after: [Line]) {
        let length = isLengthKnown ? pieces.joined().utf8.count : nil
        let answer =
            (isLast ? [Line.makeLast] : []) + [.head(status, length: length)]
            + pieces.map { .data($0) } + [.end]
        switch moment {
        case .atHead: return (answer, [])
        case .declined: return ([.discard] + answer, [])
        case .atEnd: return ([.want(1000)] + (waits ? [.goOn] : []), answer)
        }
    }

    // MARK: What must be heard

    var isKeptByClient: Bool {
        if connection == "close" { return false }
        return !isOld || connection?.contains("keep-alive") == true
    }

    /// What becomes of a body that is not read.
    enum Rest {
        case nothing, readAway, refused
        /// Only seen while it comes.
        case tooLong
    }

    func rest(_ unreadSize: Int) -> Rest {
        if moment == .atEnd || content.isNone { return .nothing }
        if waits { return .refused }
        let count = content.octets.utf8.count
        if content.isChunked {
            return unreadSize == 0 ? .refused : count <= unreadSize ? .readAway : .tooLong
        }
        return count <= unreadSize ? .readAway : .refused
    }

    func heard(_ unreadSize: Int, wasLast: Bool) -> (lines: [String], isLast: Bool, isOver: Bool) {
        let rest = rest(unreadSize)
        let hasBody = method != "HEAD" && status != 204 && status != 304
        let isUntilClose = hasBody && !isLengthKnown && isOld
        let isLast =
            wasLast || isLast || !isKeptByClient || rest == .refused || isUntilClose
        let framing: String =
            switch content {
            case .none: "none"
            case .length(let body): "length(\(body.utf8.count))"
            case .chunked: "chunked"
            }
        var lines = ["\(method) / \(framing)"]
        if moment == .atEnd {
            if waits { lines.append("-> HTTP/1.1 100 Continue||") }
            if !content.octets.isEmpty { lines.append("data " + content.octets) }
            lines.append("end")
        }
        let isChunked = hasBody && !isLengthKnown && !isOld
        let length = pieces.joined().utf8.count
        lines.append(
            "-> HTTP/1.1 \(status) \(ReasonPhrase.standard(for: status))|"
                + (isChunked ? "Transfer-Encoding: chunked|" : "")
                + (isLengthKnown && status != 204 ? "Content-Length: \(length)|" : "")
                + (isLast ? "Connection: close|" : isOld ? "Connection: keep-alive|" : "") + "|")
        for piece in pieces where hasBody && !piece.isEmpty {
            let text = piece.replacing("\r\n", with: "|")
            lines.append(
                isChunked
                    ? "-> \(String(piece.utf8.count, radix: 16))|\(text)|" : "-> \(text)")
        }
        if isChunked { lines.append("-> 0||") }
        return (lines, isLast, isLast || rest == .tooLong)
    }
}
