import Bytes
import HTTP
import HTTP1
import Testing

/// A line of a dialogue with a `ServerConnection`: what the client sends, or what its owner does.
enum Line: Sendable {
    /// Octets come.
    case client(String)
    /// The client finishes sending.
    case clientEnds
    case want(Int)
    /// `100 Continue`, if it is waited for.
    case goOn
    case discard
    case giveUp
    /// A head, with field lines of the owner's.
    case head(Int, length: Int?, [String] = [], upgrade: Bool = false)
    case data(String)
    case end
    case trailers(String)
    /// A whole answer.
    case answer(Int, String)
    case makeLast
    /// The same, and what comes behind the request is none.
    case makeLastAndMore
    case finish
    case cut
    case hangUp
    /// How much of the body is still to come is written down.
    case askBody
    /// What the connection says of itself is written down.
    case ask
}

/// A dialogue and what is heard of it. Octets that are not read yet are kept and handed in again,
/// as an owner has to do it.
struct Dialogue: ~Copyable {
    private var connection: ServerConnection
    private var held: [UInt8] = []
    /// Everything that happened, one line each; data that came in several pieces is one.
    private(set) var heard: [String] = []

    init(limits: HeadLimits = .request, unreadSize: Int = 0) {
        connection = ServerConnection(limits: limits, unreadSize: unreadSize)
    }

    /// What is heard of `lines`, with what the client sends cut as `cut` says.
    static func heard(
        _ lines: [Line], unreadSize: Int = 0, limits: HeadLimits = .request,
        cut: ([UInt8]) -> [ArraySlice<UInt8>] = { [$0[...]] }
    ) -> [String] {
        var dialogue = Dialogue(limits: limits, unreadSize: unreadSize)
        for line in lines {
            if case .client(let text) = line {
                for piece in cut([UInt8](text.utf8)) { dialogue.feed(Array(piece)) }
            } else {
                dialogue.carryOut(line)
            }
        }
        return dialogue.heard
    }

    // MARK: The client

    mutating func feed(_ octets: [UInt8]) {
        held += octets
        goOn()
    }

    private mutating func goOn() {
        let input = held
        var index = 0
        do throws(RequestError) {
            while let event = try connection.receive(input.span, at: &index) {
                note(event, input)
            }
        } catch {
            heard.append("error \(error.status)")
        }
        held = Array(input[index...])
    }

    private mutating func note(_ event: RequestEvent, _ input: [UInt8]) {
        switch event {
        case .head(let head, let framing):
            heard.append("\(head.method.name) \(head.targetText) \(framing)")
        case .data(let range): add(input[range], to: "data ")
        case .octets(let range): add(input[range], to: "octets ")
        case .end(let trailers):
            heard.append((["end"] + (trailers.map(described) ?? [])).joined(separator: " "))
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

    // MARK: The owner

    mutating func carryOut(_ line: Line) {
        var output: [UInt8] = []
        var isDone = true
        switch line {
        case .client(let text): return feed([UInt8](text.utf8))
        case .clientEnds:
            do throws(RequestError) { try connection.inputEnded() } catch {
                heard.append("error \(error.status)")
            }
        case .want(let size):
            do throws(RequestError) { try connection.wantBody(atMost: size) } catch {
                heard.append("error \(error.status)")
            }
        case .goOn: isDone = connection.appendContinue(to: &output)
        case .discard: connection.discardBody()
        case .giveUp: isDone = connection.giveUpRequest()
        case .head(let status, let length, let fields, let upgrade):
            isDone = head(status, length, fields, upgrade, to: &output)
        case .data(let text): isDone = connection.send(text.utf8.span, to: &output)
        case .end: isDone = connection.end(to: &output)
        case .trailers(let text):
            isDone = connection.end(trailers: fields(text), to: &output)
        case .answer(let status, let body):
            isDone =
                head(status, body.utf8.count, [], false, to: &output)
                && connection.send(body.utf8.span, to: &output) && connection.end(to: &output)
        case .makeLast: connection.makeLast()
        case .makeLastAndMore: connection.makeLast(leavingRest: true)
        case .finish: connection.finish()
        case .cut: connection.cut()
        case .hangUp: connection.hangUp()
        case .askBody: heard.append(body)
        case .ask: heard.append(asked)
        }
        if !isDone { heard.append("no") }
        if !output.isEmpty {
            let text = String(decoding: output, as: UTF8.self)
            heard.append("-> " + text.replacing("\r\n", with: "|"))
        }
        goOn()
    }

    private mutating func head(
        _ status: Int, _ length: Int?, _ fields: [String], _ upgrade: Bool,
        to output: inout [UInt8]
    ) -> Bool {
        guard connection.beginHead(status: status, to: &output) else { return false }
        for field in fields { output += [UInt8]((field + "\r\n").utf8) }
        return connection.endHead(length: length, namesUpgrade: upgrade, to: &output)
    }

    private func fields(_ lines: String) -> Fields? {
        try? responseHead("HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n")?.fields
    }

    private var body: String {
        guard connection.lacksBody else { return "lacks nothing" }
        return "lacks \(connection.lackingCount.map { "\($0)" } ?? "more")"
    }

    /// Whom it waits for, what it keeps, and how it ends.
    private var asked: String {
        var words = ["waits \(connection.waitsFor)"]
        if connection.isIdle { words.append("idle") }
        if connection.owesAnswer { words.append("owes") }
        if connection.awaitsContinue { words.append("awaits 100") }
        if connection.isLast { words.append("last") }
        if connection.isTunnel { words.append("tunnel") }
        if !connection.takesInput { words.append("takes nothing") }
        if !held.isEmpty { words.append("held \(held.count)") }
        if let ending = connection.ending { words.append("\(ending)") }
        return words.joined(separator: ", ")
    }
}

/// A dialogue with a name, and all that is to be heard of it.
struct Talk: Sendable, CustomTestStringConvertible {
    var name: String
    var unreadSize: Int
    var limits: HeadLimits
    var lines: [Line]
    var heard: [String]

    init(
        _ name: String, unreadSize: Int = 0, limits: HeadLimits = .request, _ lines: [Line],
        _ heard: [String]
    ) {
        self.name = name
        self.unreadSize = unreadSize
        self.limits = limits
        self.lines = lines
        self.heard = heard
    }

    var testDescription: String { name }

    /// Held as it stands, octet by octet, and with a cut in front of every octet; the first
    /// difference is reported.
    func check() {
        guard isHeard("whole", { [$0[...]] }),
            isHeard("octet by octet", { octets in octets.indices.map { octets[$0...$0] } })
        else { return }
        for position in 1..<max(2, longest) {
            let cut = { (octets: [UInt8]) in
                position < octets.count
                    ? [octets[..<position], octets[position...]] : [octets[...]]
            }
            guard isHeard("cut at \(position)", cut) else { return }
        }
    }

    private func isHeard(_ kind: String, _ cut: ([UInt8]) -> [ArraySlice<UInt8>]) -> Bool {
        let said = said(cut)
        if said == heard { return true }
        let (left, right) = (said.joined(separator: "\n  "), heard.joined(separator: "\n  "))
        Issue.record("\(name), \(kind):\n  \(left)\nin place of\n  \(right)")
        return false
    }

    private func said(_ cut: ([UInt8]) -> [ArraySlice<UInt8>]) -> [String] {
        Dialogue.heard(lines, unreadSize: unreadSize, limits: limits, cut: cut)
    }

    private var longest: Int {
        lines.map { if case .client(let text) = $0 { text.utf8.count } else { 0 } }.max() ?? 0
    }
}

/// What clients say in many dialogues.
enum Said {
    static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    static let head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
    static let getOld = "GET / HTTP/1.0\r\n\r\n"

    static func get(_ field: String, version: String = "1.1") -> String {
        "GET / HTTP/\(version)\r\nHost: a\r\n\(field)\r\n\r\n"
    }

    static func post(_ length: Int, _ body: String = "", expects: Bool = false) -> String {
        "POST /p HTTP/1.1\r\nHost: a\r\n" + (expects ? "Expect: 100-continue\r\n" : "")
            + "Content-Length: \(length)\r\n\r\n" + body
    }

    static func chunked(_ body: String) -> String {
        "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    }
}

/// What is heard of the usual answer.
enum Heard {
    static let ok = "-> HTTP/1.1 200 OK|Content-Length: 2||ok"
    static let okLast = "-> HTTP/1.1 200 OK|Content-Length: 2|Connection: close||ok"
    static let get = "GET / none"
    static let goOn = "-> HTTP/1.1 100 Continue||"
}
