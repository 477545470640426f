import Bookkeeping
import Bytes
import Clients
import Clock
import Generations
import HTTP
import HTTP1
import Loop
import Peers
import Prepared
import Rates
import Relays
import Testing
import Transport

/// A client's connection that is driven as a worker drives it, and the client's end of it. What
/// happens is told in words, one event after the other.
final class ClientDialogue {
    static let plain = "listen 127.0.0.1:1"

    struct HeardNothing: Error {}

    let loop: Loop
    let connection: HTTP1Client
    let client: StreamDriver
    let counters = Counters()
    /// What comes is judged by it.
    var newest: Generation
    /// What the connection is used for at present.
    var use = ClientUse.nothing
    /// What it is used for from a head on.
    var useOfRequests = ClientUse.waiting
    var duty = ClientDuty()
    /// What is for the request at hand is read by it, and not held.
    var readsRequest = false
    private(set) var heads: [RequestHead] = []
    private(set) var admitted: ConnectionOrigin?
    /// How often the poller had something to say of the connection.
    private(set) var readyCount = 0

    /// - Parameters:
    ///   - listener: the first one of the configuration, where the client came in.
    ///   - limits: what stands in the block of that name.
    ///   - rest: what the configuration says besides.
    ///   - address: the client's, as its socket shows it.
    ///   - before: what the client's system sends before the client speaks.
    ///   - client: speaks for the client; without TLS if there is nobody.
    init(
        _ listener: String = plain, limits: String = "", rest: String = "",
        others: [String: [UInt8]] = [:], from address: String = "203.0.113.1",
        lease: ConnectionLease? = nil, before: [UInt8] = [],
        client: (Stream) throws -> Stream = { $0 }
    ) throws {
        loop = try Loop(wakeToken: 1)
        newest = try .serving(listener, limits: limits, rest: rest, others: others)
        let (key, entrance) = try #require(newest.entrances.first)
        let ends = try Listener.loopback().pair()
        if !before.isEmpty { ends.connected.send(before.span) }
        var stream = ends.accepted
        if let context = entrance.tls {
            stream = try Stream(stream.descriptor, tls: context, engine: loop.engine)
        }
        self.client = try StreamDriver(client(ends.connected))
        connection = HTTP1Client(
            token: 5, stream: stream,
            address: try #require(SocketAddress(numeric: address, port: 7)), lease: lease,
            doorway: Doorway(key, entrance, generation: newest), on: loop, counters: counters)
        try connection.watch()
    }

    var request: ClientStream { .http1(connection) }

    // MARK: The client

    func send(_ text: String) { client.send(text) }

    func finishSending() { client.stream.finishSending() }

    // MARK: What happens

    /// What happens until something does. The client takes what it is sent meanwhile.
    func hear() throws -> [String] {
        var words: [String] = []
        while words.isEmpty { words += try run { _ in !words.isEmpty || self.hasHeard } }
        return words
    }

    /// What happens until this has.
    func hear(through last: String) throws -> [String] {
        var words: [String] = []
        while !words.contains(last) { words += try hear() }
        return words
    }

    /// Something has happened in the turn before.
    private var hasHeard = false

    /// What happens until the client has what it waits for.
    func run(until isDone: (StreamDriver) -> Bool) throws -> [String] {
        var words: [String] = []
        try client.run { client in
            let heard = turn()
            hasHeard = !heard.isEmpty
            words += heard
            return isDone(client)
        }
        return words
    }

    /// What happens until something does, when the client's end is closed.
    func hearWithoutClient() throws -> [String] {
        let end = SystemClock.now() + .seconds(20)
        while SystemClock.now() < end {
            let words = turn()
            if !words.isEmpty { return words }
        }
        throw HeardNothing()
    }

    /// What happens while the client sends this again and again.
    func hear(sending text: String) throws -> [String] {
        var words: [String] = []
        while words.isEmpty {
            words += try run { client in
                client.send(text)
                return !words.isEmpty || self.hasHeard
            }
        }
        return words
    }

    /// What each of them hears, and how long that takes, all beside each other.
    static func hear(all dialogues: [ClientDialogue]) throws -> [(words: [String], Duration)] {
        let start = SystemClock.now()
        var heard = dialogues.map { _ in (words: [String](), Duration.zero) }
        while heard.contains(where: \.words.isEmpty) {
            for (index, dialogue) in dialogues.enumerated() where heard[index].words.isEmpty {
                var turns = 0
                let words = try dialogue.run { _ in
                    turns += 1
                    return turns == 2
                }
                heard[index] = (words, SystemClock.now() - start)
            }
            guard SystemClock.now() < start + .seconds(40) else { throw HeardNothing() }
        }
        return heard
    }

    /// What happens until the client has received all up to these octets.
    func clientHears(_ end: String) throws -> [String] {
        try run { $0.received.suffix(end.utf8.count).elementsEqual(end.utf8) }
    }

    /// Until the poller had something to say of the connection.
    func lookAtClient() throws -> [String] {
        let before = readyCount
        return try run { _ in self.readyCount > before }
    }

    /// One turn of the loop, which waits for nothing.
    func turn() -> [String] {
        attend()
        var words: [String] = []
        for index in 0..<loop.next(hasBacklog: true) {
            let (token, readiness) = loop.event(index)
            #expect(token == connection.token)
            readyCount += 1
            words += happened(readiness)
        }
        for token in loop.takeDue() {
            #expect(token == connection.token)
            words += timerFired()
        }
        attend()
        return words
    }

    func attend() {
        if connection.watch(for: use) { connection.lookAfter(duty) }
        connection.countMemory(beside: 0)
    }

    func happened(_ readiness: Readiness) -> [String] {
        var progress = ClientProgress(readiness)
        return pull(&progress)
    }

    private func pull(_ progress: inout ClientProgress) -> [String] {
        var words: [String] = []
        while let event = connection.next(&progress, by: newest) {
            words += take(event, &progress)
        }
        return words
    }

    private func timerFired() -> [String] {
        guard connection.isDue() else { return [] }
        var words: [String] = []
        while let event = connection.nextDue() {
            var progress = ClientProgress([])
            words += take(event, &progress)
        }
        return words
    }

    private func take(_ event: ClientEvent, _ progress: inout ClientProgress) -> [String] {
        switch event {
        case .head(let head, _):
            heads.append(head)
            use = useOfRequests
            return ["\(head.method.name) \(head.targetText)"]
        case .unreadable(let error):
            use = useOfRequests
            return ["unreadable \(error.status)"]
        case .headTimedOut:
            use = useOfRequests
            return ["head timed out"]
        case .octets: return useOctets(&progress)
        case .drained: return ["drained"] + resumeBetween()
        case .inputEnded:
            if !connection.isHolding { connection.endRequestInput() }
            return ["input ended"]
        case .finishedUnread:
            connection.noteUnreadEnd()
            return ["finished unread"]
        case .sendsTooSlowly: return ["sends too slowly"]
        case .takesTooSlowly: return ["takes too slowly"]
        case .due(let timer): return ["due \(timer)"]
        case .proxied(let origin):
            admitted = origin
            connection.admitted(origin, nil)
            return ["proxied \(origin.address.text)"]
        case .withoutHeader(let message):
            return ["without header: \(message)"] + close(reset: true)
        case .plainHTTP: return ["plain HTTP"]
        case .lost: return ["lost"] + close(reset: false)
        case .over(let reset): return [reset ? "over with reset" : "over"] + close(reset: reset)
        }
    }

    private func close(reset: Bool) -> [String] {
        connection.close(reset: reset) ? [] : ["closed before"]
    }

    // MARK: Octets of the request

    private func useOctets(_ progress: inout ClientProgress) -> [String] {
        let before = progress.index
        var words: [String] = []
        if !readsRequest {
            // Held below.
        } else if let held = progress.held {
            words = read(held.span, at: &progress.index)
        } else {
            let buffer = loop.buffer
            words = read(buffer.octets, at: &progress.index)
        }
        guard progress.index == before else { return words }
        connection.hold(&progress)
        return words + ["held"]
    }

    private func read(_ octets: Span<UInt8>, at index: inout Int) -> [String] {
        var words: [String] = []
        do throws(RequestError) {
            while let event = try request.receive(octets, at: &index) {
                switch event {
                case .head: words.append("a head within a request")
                case .data(let range): words.append("data \(octets.extracting(range).text)")
                case .octets(let range): words.append("octets \(octets.extracting(range).text)")
                case .end(let trailers): words.append(trailers == nil ? "end" : "end, trailers")
                }
            }
        } catch {
            words.append("refused \(error.status)")
        }
        return words
    }

    // MARK: Answers

    /// The next one that is heard, of those that come after it.
    func mark(after time: Duration) {
        request.set(.heartbeat, at: SystemClock.now() + time)
    }

    /// Begins an answer, whose body is to follow.
    func begin(_ status: Int = 200, length: Int?) {
        #expect(request.beginHead(status: status))
        #expect(request.endHead(length: length))
    }

    /// Answers the request at hand, and goes on with what is held.
    func answer(_ text: String = "", status: Int = 200) -> [String] {
        begin(status, length: text.utf8.count)
        request.send(text.utf8.span)
        request.end()
        request.flush()
        return goOn()
    }

    /// Answers with more than a client's system takes whose program takes nothing.
    func answerAtLength(_ octets: [UInt8] = ClientDialogue.large) -> [String] {
        client.isReading = false
        begin(length: octets.count)
        request.send(octets.span)
        request.end()
        return goOn()
    }

    static let large = Octets.pattern(8 << 20)

    /// The client has the long answer whole. Not compared by a test, which would show it.
    var clientHasLarge: Bool {
        client.received.suffix(Self.large.count).elementsEqual(Self.large)
    }

    /// The answer to the request at hand was written.
    func goOn() -> [String] {
        use = .nothing
        if let end = connection.answered(by: newest) { return ended(end) }
        return resumeBetween()
    }

    /// Goes on with what is held.
    func resume() -> [String] {
        var words: [String] = []
        if var progress = connection.takeHeld() { words = pull(&progress) }
        guard connection.hasInputEnded, !connection.isHolding else { return words }
        if connection.isBetweenRequests { return words + ended(connection.finish()) }
        guard connection.owesInputEnd else { return words }
        connection.endRequestInput()
        return words + ["input ended"]
    }

    private func resumeBetween() -> [String] {
        if case .nothing = use { resume() } else { [] }
    }

    func ended(_ end: ClientEnd?) -> [String] {
        use = .nothing
        guard let end else { return [] }
        return [end.reset ? "over with reset" : "over"] + close(reset: end.reset)
    }
}

extension Generation {
    /// What serves clients of this listener.
    static func serving(
        _ listener: String, limits: String = "", rest: String = "",
        others: [String: [UInt8]] = [:]
    ) throws -> Generation {
        try reading(
            """
            \(rest)
            \(listener)
            limits {
                \(limits)
            }
            route / { respond 200 "" }
            """, others: others)
    }
}

extension String {
    static func get(_ target: String, _ fields: String...) -> String {
        head("GET \(target)", fields)
    }

    static func post(_ target: String, _ fields: String...) -> String {
        head("POST \(target)", fields)
    }

    private static func head(_ request: String, _ fields: [String]) -> String {
        (["\(request) HTTP/1.1", "Host: a"] + fields + [""]).map { $0 + "\r\n" }.joined()
    }
}
