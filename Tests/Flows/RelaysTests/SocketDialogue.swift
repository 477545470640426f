import Clock
import Configured
import Endings
import Identity
import Settings
import SocketIO
import Testing
import WebSocket

@testable import Relays

/// How the octets of an event arrive.
enum Cut: Sendable, CustomTestStringConvertible {
    case whole
    case octets
    /// In two pieces, the first of this length.
    case at(Int)

    static let all = [Cut.whole, .octets] + (1...24).map(Cut.at)

    var testDescription: String { "\(self)" }

    func pieces(_ octets: [UInt8]) -> [[UInt8]] {
        switch self {
        case .whole: [octets]
        case .octets: octets.map { [$0] }
        case .at(let index):
            index < octets.count ? [Array(octets[..<index]), Array(octets[index...])] : [octets]
        }
    }
}

/// A `WebSocketFlow` between a client and an upstream that a test speaks for, with a clock of its
/// own. What comes of an event is told in lines: `client text hello`, `upstream ping`, `end timeout
/// silent finish`. Messages are "deflated" by a `z` in front of them.
///
/// A line that begins with WRONG tells of a rule that is broken, whatever the test is about.
final class SocketDialogue {
    private var flow: WebSocketFlow
    private let cut: Cut
    private(set) var now = Instant.zero + .seconds(1000)
    private let begin = Instant.zero + .seconds(1000)
    private var lines: [String] = []
    private(set) var toClient = SentStream(isMasked: false)
    private(set) var toUpstream = SentStream(isMasked: true)
    private var payload: [UInt8] = []
    private var closing: ClosingSocket?
    private(set) var hasEnded = false
    private(set) var resumptions: [Bool] = []
    /// Runs of the input that went on as they came.
    private(set) var runs = 0
    var backlog = ClientBacklog()
    var upstreamPending = 0
    var allowance = TurnAllowance(light: true, heavy: true)

    /// - Parameters:
    ///   - words: of the route.
    ///   - compression: which sides speak it here.
    ///   - engine: the client's session of Engine.IO, opened for the app.
    convenience init(
        _ words: String = "", cut: Cut = .whole, speaksControl: Bool = false,
        namespace: String? = nil, compression: Set<String> = [], keepsWindow: Bool = false,
        passesCompressed: Bool = false, engine: EngineSession? = nil
    ) throws {
        try self.init(
            on: Self.route(words), cut: cut, speaksControl: speaksControl, namespace: namespace,
            compression: compression, keepsWindow: keepsWindow,
            passesCompressed: passesCompressed, engine: engine)
    }

    static func route(_ words: String) throws -> RouteSettings {
        let settings = try Settings.reading(
            """
            listen 127.0.0.1:1
            backend app { server 127.0.0.1:2 }
            route / { backend app; \(words) }
            """)
        return try #require(settings.routes.first)
    }

    init(
        on route: RouteSettings, cut: Cut = .whole, speaksControl: Bool = false,
        namespace: String? = nil, compression: Set<String> = [], keepsWindow: Bool = false,
        passesCompressed: Bool = false, engine: EngineSession? = nil
    ) throws {
        var offers = ExtensionList()
        try offers.read(Array("permessage-deflate".utf8).span)
        let agreement = DeflateNegotiation.answer(offers)
        self.cut = cut
        flow = WebSocketFlow(
            route,
            WebSocketFlow.Terms(route, speaksControl: speaksControl, namespace: namespace),
            passesCompressed: passesCompressed,
            compression: MessageDirections.Terms(
                client: compression.contains("client") ? agreement : nil,
                upstream: compression.contains("upstream") ? agreement : nil,
                keepsWindow: keepsWindow, over: 4),
            engine: engine, lastHeard: now, now: now)
    }

    private func takeLines() -> [String] {
        defer { lines = [] }
        return lines
    }

    // MARK: Events

    func client(_ frames: SocketFrame...) -> [String] {
        client(octets: frames.flatMap { $0.octets(isMasked: true) })
    }

    func client(octets: [UInt8]) -> [String] {
        for piece in cut.pieces(octets) {
            if hasEnded {
                if closing?.clientSent(piece.span) == true { lines.append("client closed") }
            } else {
                flow.heard(at: now)
                read(piece)
            }
        }
        return takeLines()
    }

    func upstream(_ frames: SocketFrame...) -> [String] {
        upstream(octets: frames.flatMap { $0.octets(isMasked: false) })
    }

    func upstream(octets: [UInt8]) -> [String] {
        for piece in cut.pieces(octets) where !hasEnded { readUpstream(piece) }
        return takeLines()
    }

    /// Time goes on to so many seconds behind the beginning, timer by timer.
    func at(_ seconds: Double) -> [String] {
        let end = begin + .milliseconds(Int64(seconds * 1000))
        while !hasEnded, flow.timers.next <= end {
            now = max(now, flow.timers.next)
            while flow.timePassed(surroundings, now: now) { carryOut() }
        }
        now = max(now, end)
        return takeLines()
    }

    func end(_ ending: StreamEnding) -> [String] { event { $0.end(ending, now: now) } }

    func kick(_ message: String? = "bye") -> [String] {
        end(
            StreamEnding(
                .forceDisconnect, detail: "kicked", message: message.map { Array($0.utf8) },
                comingBack: .never))
    }

    func say(_ text: String) -> [String] { event { $0.say(Array(text.utf8)) } }
    func clientFinished() -> [String] { event { $0.clientLost(isBroken: false) } }
    func clientLost() -> [String] { event { $0.clientLost() } }
    func giveUp(_ reason: EndReason) -> [String] { event { $0.giveUp(reason, detail: nil) } }
    func probe() -> [String] { event { $0.probe(surroundings, now: now) } }

    func upstreamLost(_ explanation: String? = nil) -> [String] {
        event { $0.upstreamLost(explanation: explanation.map { Array($0.utf8) }, now: now) }
    }

    func tookTooLittle() -> [String] {
        event { if !$0.tookTooLittle() { lines.append("lost") } }
    }

    /// So much waits for the client now.
    func clientHasWaiting(_ count: Int) -> [String] {
        backlog.pending = count
        return event { $0.clientHasWaiting(count, now: now) }
    }

    func clientTook(to count: Int, acknowledged: Int64 = 0) -> Bool {
        backlog.pending = count
        backlog.taken += acknowledged
        backlog.acknowledgements.count += acknowledged
        return flow.clientDrained(to: count, now: now)
    }

    func tokenIsDue(at seconds: Double) -> [String] {
        event { $0.tokenIsDue(at: time(seconds), now: now) }
    }

    func awaitSession() { flow.awaitSession(for: .seconds(10), now: now) }

    /// A later turn of the loop: what was held is read.
    func turn() -> [String] {
        let held = flow.takeHeld(upstreamPending: upstreamPending)
        if !held.isEmpty { read(held) }
        return takeLines()
    }

    var wantsClientInput: Bool {
        flow.wantsClientInput(behind: backlog.pending, upstreamPending: upstreamPending)
    }

    var wantsUpstreamInput: Bool { flow.wantsUpstreamInput(behind: backlog.pending) }
    var heldCount: Int { flow.heldCount }
    var asksForBacklog: Bool { flow.asksForBacklog }
    var nextTimer: Instant { flow.timers.next }
    func time(_ seconds: Double) -> Instant { begin + .milliseconds(Int64(seconds * 1000)) }

    var messageCounts: [Int] { [flow.messageCounts.fromClient, flow.messageCounts.fromUpstream] }

    private func event(_ event: (inout WebSocketFlow) -> Void) -> [String] {
        event(&flow)
        carryOut()
        return takeLines()
    }

    // MARK: The part of a driver

    private var surroundings: WebSocketFlow.Surroundings {
        WebSocketFlow.Surroundings(
            backlog: backlog, upstreamPending: upstreamPending, pingName: 7)
    }

    private func read(_ octets: [UInt8]) {
        var index = 0
        if flow.readsMessages {
            while let step = flow.clientSent(
                octets.span, at: &index, into: &payload, allowance: allowance,
                upstreamPending: upstreamPending, now: now)
            { carryOut(step, from: octets, toClient: false) }
        } else {
            while let step = flow.clientSent(octets.span, at: &index, now: now) {
                carryOut(step, from: octets, toClient: false)
            }
        }
        if index < octets.count, closing?.clientSent(Array(octets[index...]).span) == true {
            lines.append("client closed")
        }
    }

    private func readUpstream(_ octets: [UInt8]) {
        var index = 0
        if flow.readsMessages {
            while let step = flow.upstreamSent(
                octets.span, at: &index, into: &payload, now: now)
            { carryOut(step, from: octets, toClient: true) }
        } else {
            while let step = flow.upstreamSent(octets.span, at: &index, now: now) {
                carryOut(step, from: octets, toClient: true)
            }
        }
    }

    private func carryOut(_ step: FrameStep, from input: [UInt8], toClient: Bool) {
        switch step {
        case .forward(let range):
            runs += 1
            send(Array(input[range]), toClient: toClient)
        case .forwardHeader(let header): send(header.array, toClient: toClient)
        case .order(let order): carryOut(order)
        }
    }

    private func carryOut(_ step: MessageStep, from input: [UInt8], toClient: Bool) {
        switch step {
        case .message(let kind, let place, let form):
            send(kind, octets(at: place, input), form, toClient: toClient)
        case .inflate(let kind, let place):
            inflate(kind, octets(at: place, input), toClient: toClient)
        case .fragment(let kind, let isFirst, let isLast):
            var frame = SocketFrame(opcode: isFirst ? kind.opcode.rawValue : 0, payload: payload)
            frame.isFinal = isLast
            send(frame.octets(isMasked: false), toClient: true)
        case .order(let order): carryOut(order)
        }
    }

    private func octets(at place: MessageStep.Place, _ input: [UInt8]) -> [UInt8] {
        switch place {
        case .payload: payload
        case .input(let range): Array(input[range])
        }
    }

    /// `!…` is corrupt, `#…` inflates to too much.
    private func inflate(_ kind: MessageKind, _ octets: [UInt8], toClient: Bool) {
        let isCorrupt = octets.first == UInt8(ascii: "!")
        if isCorrupt || octets.first == UInt8(ascii: "#") {
            if toClient {
                flow.upstreamCannotBeInflated(now: now)
            } else {
                flow.clientCannotBeInflated(isCorrupt: isCorrupt, now: now)
            }
            return
        }
        let message = Array(octets.dropFirst())
        let form =
            toClient
            ? flow.upstreamInflated(kind, message.span, now: now)
            : flow.clientInflated(kind, message.span, now: now)
        if let form { send(kind, message, form, toClient: toClient) }
    }

    private func send(
        _ kind: MessageKind, _ message: [UInt8], _ form: MessageDirections.Form, toClient: Bool
    ) {
        var frame = SocketFrame(opcode: kind.opcode.rawValue, payload: message)
        switch form {
        case .plain: break
        case .asItCame: frame.isCompressed = true
        case .deflated:
            // What begins with a digit does not become shorter.
            let shrank = message.first.map { !(0x30...0x39).contains($0) } ?? false
            if toClient { flow.deflated(shrank: shrank) }
            if shrank { frame.payload = [UInt8(ascii: "z")] + message }
            frame.isCompressed = shrank
        }
        send(frame.octets(isMasked: !toClient), toClient: toClient)
    }

    private func send(_ octets: [UInt8], toClient isToClient: Bool) {
        if hasEnded { lines.append("WRONG sent behind the end") }
        if isToClient {
            lines += toClient.take(octets).map { "client " + $0 }
        } else {
            lines += toUpstream.take(octets).map { "upstream " + $0 }
        }
    }

    private func send(_ frame: OwnFrame, toClient isToClient: Bool) {
        let stream = isToClient ? toClient : toUpstream
        if !stream.rest.isEmpty { lines.append("WRONG within a frame") }
        if case .text = frame, stream.isMessageOpen { lines.append("WRONG within a message") }
        var octets: [UInt8] = []
        frame.append(maskingKey: isToClient ? nil : MaskingKey(bits: 77), to: &octets)
        send(octets, toClient: isToClient)
    }

    private func carryOut() { while let order = flow.takeOrder() { carryOut(order) } }

    private func carryOut(_ order: SocketOrder) {
        if hasEnded { lines.append("WRONG order behind the end") }
        switch order {
        case .toClient(let frame): send(frame, toClient: true)
        case .toUpstream(let frame): send(frame, toClient: false)
        case .closeUpstream: lines.append("upstream closed")
        case .ignoreClient: lines.append("ignored")
        case .resumeLater(let isLight): resumptions.append(isLight)
        case .refresh(let token):
            lines.append("refresh " + String(decoding: token.octets, as: UTF8.self))
        case .refuse(let error): lines.append("refuse \(error.rawValue)")
        case .judgeToken: lines.append("token")
        case .clientIsThere: lines.append("there")
        case .clientIsSilent: lines.append("silent")
        case .sendFirstMessage: lines.append("first message")
        case .countSlowClient: lines.append("slow")
        case .end(let end):
            hasEnded = true
            let words = ["end", end.reason.rawValue, end.detail ?? "-", "\(end.client)"]
            lines.append(words.joined(separator: " "))
            if end.client == .awaitClose { closing = flow.closingSocket }
        }
    }
}
