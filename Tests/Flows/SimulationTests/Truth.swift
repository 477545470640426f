import Clock
import Identity
import Settings

/// What a visitor has asked for, and what he has said of it.
final class Ask {
    let stream: Int
    let kind: Visitor.Kind
    let asked: Instant
    /// The token that lets it in; a refresh brings another one.
    var credential: Credential?
    /// What the body is to be, and how much of it has been written.
    var body: [UInt8] = []
    var isBodyWhole = true
    /// It has closed its WebSocket, or broken a rule there.
    var hasClosed = false
    /// Messages of a WebSocket.
    var messageCount = 0
    /// Server connections that its request came on.
    var sightings = 0
    /// An octet of an answer has come to the gateway.
    var isAnswered = false
    /// Until when the rules of a reload let it stay.
    var roleEnds: Instant?

    init(_ stream: Int, _ kind: Visitor.Kind, _ credential: Credential?, asked: Instant) {
        self.stream = stream
        self.kind = kind
        self.credential = credential
        self.asked = asked
    }
}

/// What a server has said to one request.
final class Said {
    let stream: Int
    var body: [UInt8] = []
    var isWhole = false
    var count = 0

    init(_ stream: Int) { self.stream = stream }
}

/// What the history knows and the gateway has to find out: who may do what, and what was said.
final class Truth {
    enum Door { case open, refusing, silent, full }

    unowned var house: House!
    private(set) var asks: [Int: Ask] = [:]
    private(set) var said: [String: Said] = [:]
    private var doors: [String: Door] = [:]
    /// What was said when it was known that its client may hear no more of it.
    private var forbidden: Set<String> = []
    /// Keys of the issuer, when they are read next.
    var nextKeys: Set<Int>?
    private(set) var ends: [ServerEnd] = []
    /// Who was locked out, and when.
    private var revocations: [(Revocation, since: Instant)] = []

    func note(_ ask: Ask) { asks[ask.stream] = ask }

    // MARK: Servers

    func door(of address: SocketAddressSettings) -> Door { doors[address.name] ?? .open }

    func setDoor(_ port: Int, _ door: Door) { doors["127.0.0.1:\(port)"] = door }

    func connected(_ origin: HouseOrigin) {
        ends.append(ServerEnd(origin, self))
    }

    /// - Returns: true when somebody has answered what came.
    func look() -> Bool {
        var hasAnswered = false
        for end in ends where end.look() { hasAnswered = true }
        ends.removeAll { $0.wire.isClosed && $0.wire.delivered.isEmpty }
        return hasAnswered
    }

    /// - Returns: the name of what is said, for the head of the response.
    func begin(_ said: Said, on connection: UInt64) -> String {
        let name = "\(connection)-\(self.said.count)"
        self.said[name] = said
        return name
    }

    // MARK: Who may hear what

    func renewed(_ stream: Int, _ token: String) {
        asks[stream]?.credential = Credential(token)
    }

    func note(_ revocation: Revocation) { revocations.append((revocation, house.now)) }

    /// True when nobody with that token may hear anything at `moment`, which the gateway has known
    /// for longer than `grace`, or has heard so long before.
    private func isKnownBad(
        _ ask: Ask, at moment: Instant, for grace: Duration, heard: Duration
    ) -> Bool {
        guard let credential = ask.credential else { return false }
        if let ends = ask.roleEnds, moment > ends + grace { return true }
        guard let identity = credential.identity(House.wallBegin, rule: "app") else { return true }
        let end = identity.expires.map { House.begin + $0.duration(since: House.wallBegin) }
        if let end, moment >= end + grace { return true }
        return revocations.contains { revocation, since in
            moment >= since + heard && revocation.means(identity)
        }
    }

    /// A stream that lives says something.
    func note(_ tag: String, of stream: Int) {
        guard let ask = asks[stream], ask.kind.isSocket || ask.kind.mayBeEvents else { return }
        // Who closes ends as he does, and soon; but nobody who was locked out stays for that.
        let grace: Duration = ask.hasClosed ? .seconds(5) : .zero
        if isKnownBad(ask, at: house.now, for: grace, heard: .zero) { forbidden.insert(tag) }
    }

    /// A client heard it.
    func heard(_ tag: String) {
        if forbidden.contains(tag) {
            house.complain("\(tag) was heard by somebody who may not")
        }
    }

    func reloaded() {
        for (_, ask) in asks {
            guard let credential = ask.credential,
                let role = house.generation.rules.roles[ask.kind.path], role != credential.role
            else {
                ask.roleEnds = nil
                continue
            }
            let moment = house.generation.limits.reloadEnds.map { house.now + $0 }
            ask.roleEnds = moment.map { min($0, ask.roleEnds ?? $0) }
        }
    }

    /// A request came to a server, on a connection that was chosen for it then.
    func seen(_ stream: Int, _ line: String, chosen: Instant) {
        guard let ask = asks[stream] else {
            return house.complain("a server was asked \(line) by nobody")
        }
        ask.sightings += 1
        let most = ask.kind.isIdempotent ? 2 : 1
        if ask.sightings > 1, ask.isAnswered {
            house.complain("stream \(stream) was sent again, and had been answered")
        }
        if ask.sightings > most {
            house.complain("stream \(stream) was sent \(ask.sightings) times")
        }
        if ask.kind.needsToken, ask.credential == nil {
            return house.complain("stream \(stream) came to a server without a token")
        }
        // While connections are made nobody is asked about once more: for a server without room,
        // and for the next one. Nor is one that had come to a server before.
        let grace: Duration = ask.kind == .lone ? .seconds(3) + .milliseconds(1) : .seconds(8)
        if !ask.kind.isJudgedOnce, ask.sightings == 1,
            isKnownBad(ask, at: chosen, for: grace, heard: grace)
        {
            house.complain(
                "\(ask.kind) \(stream) came to a server with \(ask.credential?.text ?? "") at"
                    + " \(house.now - House.begin)")
        }
        if let credential = ask.credential, ask.kind.needsToken,
            let role = house.generation.rules.roles[ask.kind.path], role != credential.role,
            house.lastReload < ask.asked
        {
            house.complain("stream \(stream) came to a server without the role \(role)")
        }
    }
}

extension SocketAddressSettings {
    /// For complaints and doors.
    var name: String {
        switch self {
        case .ip(let address, let port): "\(address):\(port)"
        case .unix(let path): path
        }
    }
}
