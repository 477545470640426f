import Bytes
import HTTP
import HTTP1

/// One line of a dialogue between a client, its connection and a server; `|` stands for CRLF.
enum ClientLine: Sendable {
    /// A head with a Host, written and sent.
    case request(RequestOutline, target: String = "/")
    /// Only its beginning.
    case begin(RequestOutline, target: String = "/")
    case endHead
    case data(String)
    case end
    case trailers(String)
    /// What was written is handed to the socket, which takes it, or not.
    case sent(isTaken: Bool = true)
    case sendFails
    case abandon
    /// Octets come, while so many of the request wait for the kernel.
    case server(String, unsent: Int = 0)
    case serverEnds
    case breaks
    /// What the connection says of itself is written down.
    case ask

    static func get(_ target: String = "/") -> ClientLine { .request(.init(.get), target: target) }
    static func post(_ body: BodyLength) -> ClientLine { .request(.init(.post, body: body)) }
}

/// What is heard in a dialogue: what is written, events, errors, and answers to questions, one line
/// each. Data that comes in several pieces is one.
struct ClientDialogue: ~Copyable {
    private var connection: ClientConnection
    private(set) var heard: [String] = []

    init(limits: ClientConnection.Limits = .init()) {
        connection = ClientConnection(limits: limits)
    }

    /// For somebody who has the body of the request no more, and for somebody who has.
    var retryObstacles: [UpstreamUse.RetryObstacle?] {
        [false, true].map { connection.retryObstacle(keepsBody: $0) }
    }

    var keptCount: Int { connection.keptCount }

    /// - Parameter cut: how the octets of a line of the server's come.
    static func heard(
        _ lines: [ClientLine], limits: ClientConnection.Limits = .init(),
        cut: ([UInt8]) -> [ArraySlice<UInt8>] = { [$0[...]] }
    ) -> [String] {
        var dialogue = ClientDialogue(limits: limits)
        for line in lines { dialogue.carryOut(line, cut: cut) }
        return dialogue.heard
    }

    mutating func carryOut(_ line: ClientLine, cut: ([UInt8]) -> [ArraySlice<UInt8>]) {
        switch line {
        case .request, .begin, .endHead, .data, .end, .trailers: write(line)
        case .sent(let isTaken): connection.wasSent(isTaken: isTaken)
        case .sendFails: connection.sendFailed()
        case .abandon: connection.abandonRequest()
        case .server(let text, let unsent):
            let octets = [UInt8](text.replacing("|", with: "\r\n").utf8)
            for piece in cut(octets) { feed(Array(piece), unsent) }
        case .serverEnds: heard.append("ended \(connection.inputEnded())")
        case .breaks: heard.append("broke \(connection.connectionBroke())")
        case .ask: heard.append(asked)
        }
    }

    private mutating func write(_ line: ClientLine) {
        var output: [UInt8] = []
        do throws(SendError) {
            switch line {
            case .request(let outline, let target):
                try connection.beginHead(outline, target: target, to: &output)
                HeadEncoder.appendField(name: "Host", value: "a", to: &output)
                try connection.endHead(to: &output)
            case .begin(let outline, let target):
                try connection.beginHead(outline, target: target, to: &output)
            case .endHead: try connection.endHead(to: &output)
            case .data(let text): try connection.send(text.utf8.span, to: &output)
            case .end: try connection.end(to: &output)
            case .trailers(let text):
                let head = try? responseHead("HTTP/1.1 200 OK\r\n\(text)\r\n\r\n")
                try connection.end(trailers: head?.fields, to: &output)
            case .sent, .sendFails, .abandon, .server, .serverEnds, .breaks, .ask: break
            }
            if case .request = line { connection.wasSent(isTaken: true) }
        } catch {
            heard.append("no: \(error)")
        }
        if !output.isEmpty {
            let text = String(decoding: output, as: UTF8.self)
            heard.append("-> " + text.replacing("\r\n", with: "|"))
        }
    }

    private mutating func feed(_ input: [UInt8], _ unsent: Int) {
        var index = 0
        do throws(ResponseError) {
            while let event = try connection.receive(input.span, at: &index, unsentCount: unsent) {
                note(event, input)
            }
        } catch {
            if heard.last != "error \(error)" { heard.append("error \(error)") }
            return
        }
        if index < input.count { add(input[index...], to: "left ") }
    }

    private mutating func note(_ event: ResponseEvent, _ input: [UInt8]) {
        switch event {
        case .informational(let head): heard.append("\(head.status)")
        case .head(let head, let framing): heard.append("\(head.status) \(framing)")
        case .data(let range): add(input[range], to: "data ")
        case .end(let trailers):
            heard.append((["end"] + (trailers.map(described) ?? [])).joined(separator: " "))
        case .tunnel(let head): heard.append("tunnel \(head.status)")
        }
    }

    private mutating func add(_ octets: ArraySlice<UInt8>, to prefix: String) {
        let text = String(decoding: octets, as: UTF8.self)
        if let last = heard.last, last.hasPrefix(prefix) {
            heard[heard.count - 1] = last + text
        } else {
            heard.append(prefix + text)
        }
    }

    private var asked: String {
        var words = ["\(connection.answer)"]
        if connection.isUnderWay { words.append("under way") }
        if connection.isRequestWhole { words.append("sent") }
        if connection.wantsBody { words.append("wants body") }
        if connection.awaitsContinue { words.append("awaits 100") }
        if connection.isRefused { words.append("refused") }
        if connection.framesData { words.append("frames") }
        if connection.hasInputEnded { words.append("over") }
        switch connection.rest {
        case .open: words.append("open")
        case .watched: words.append("watched")
        case .refused(let obstacle): words.append("no rest: \(obstacle)")
        }
        return words.joined(separator: ", ")
    }
}
