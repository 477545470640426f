import Clock
import HTTP1
import Identity
import LateStores
import Randomness
import Rates
import Sessions
import Settings
import Upstreams

/// One thing that happens in a history. Numbers choose among what is there when it happens, so that
/// a history without some of its events is a history, too.
struct Happening: CustomStringConvertible {
    enum Kind: Int, CaseIterable {
        case connect, ask, body, wholeBody, speak, renew, closeSocket, breakRules
        case arrive, arriveAll, clientFinishes, clientLeaves, stall, take, silent
        case answer, goOn, torn, large, serverEnds, serverArrives, serverArrivesAll
        case serverFinishes, serverBreaks, sayTooMuch, serverStalls, serverTakes
        case door, moment, second, longWhile, reload, revoke, kick, rotate, storeAnswers
        case storeCatchesUp, storeAway, drain
    }

    let kind: Kind
    let which: Int
    let much: Int

    var description: String { "\(kind)(\(which), \(much))" }

    /// How often what happens.
    private static let weights: [(Kind, Int)] = [
        (.connect, 6), (.ask, 12), (.body, 4), (.wholeBody, 5), (.speak, 6), (.renew, 2),
        (.closeSocket, 1), (.breakRules, 1), (.arrive, 12), (.arriveAll, 24),
        (.clientFinishes, 1), (.clientLeaves, 2), (.stall, 2), (.take, 4), (.silent, 1),
        (.answer, 18), (.goOn, 20), (.torn, 5), (.large, 3), (.serverEnds, 7),
        (.serverArrives, 10), (.serverArrivesAll, 22), (.serverFinishes, 1),
        (.serverBreaks, 2), (.sayTooMuch, 1), (.serverStalls, 1), (.serverTakes, 2), (.door, 5),
        (.moment, 10), (.second, 8), (.longWhile, 2), (.reload, 3), (.revoke, 3), (.kick, 2),
        (.rotate, 2), (.storeAnswers, 12), (.storeCatchesUp, 6),
    ]
    private static let total = weights.reduce(0) { $0 + $1.1 }

    static func any(using random: inout SeededGenerator) -> Happening {
        var place = Int.random(in: 0..<total, using: &random)
        var kind = Kind.moment
        for (candidate, weight) in weights {
            if place < weight {
                kind = candidate
                break
            }
            place -= weight
        }
        // Seldom, and at most once.
        if kind == .rotate, Int.random(in: 0..<40, using: &random) == 0 { kind = .storeAway }
        if kind == .kick, Int.random(in: 0..<30, using: &random) == 0 { kind = .drain }
        return Happening(
            kind: kind, which: Int.random(in: 0..<1 << 20, using: &random),
            much: Int.random(in: 0..<1 << 20, using: &random))
    }
}

/// A history: a house, visitors, servers, and what happens to them.
final class Story {
    private let house: House
    private var visitors: [Visitor] { house.visitors }
    private var streamCount = 0
    /// Why the history breaks a rule, with the number of the event at which that was seen.
    private(set) var complaint: String?

    init(_ rules: [Rules], seed: UInt64) {
        house = House(rules, seed: seed, isLate: seed % 3 == 0)
        house.truth.house = house
    }

    static func events(_ count: Int, seed: UInt64) -> [Happening] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in Happening.any(using: &random) }
    }

    /// Lets everything happen, and then comes to the end.
    func run(_ events: [Happening]) {
        for (number, event) in events.enumerated() {
            happen(event)
            if note("at event \(number), \(event)") { return }
        }
        end()
    }

    private func note(_ place: String) -> Bool {
        house.settle()
        house.checkTables()
        guard let first = house.complaints.first else { return false }
        complaint = "\(first), \(place)"
        return true
    }

    // MARK: The end

    /// Half of the histories end by a drain, in which everybody is told, others at once, and the
    /// rest when everybody has left. Then nothing is left of anybody.
    private func end() {
        if streamCount % 2 == 0 {
            house.drain()
            for _ in 0..<40 {
                house.late?.catchUp()
                house.pass(.milliseconds(500))
                if note("while draining") { return }
            }
            if let busy = house.clients.first(where: { $0.entrant != nil }) {
                house.complain("stream \(busy.entrant?.stream ?? 0) outlives the drain")
            }
        }
        if streamCount % 4 == 1 { house.stop() }
        house.pass(.seconds(70))
        if note("when nothing happens any more") { return }
        for visitor in visitors { visitor.leave() }
        for end in house.truth.ends { end.breakOff() }
        for _ in 0..<12 {
            house.late?.catchUp()
            house.pass(.seconds(12))
        }
        if note("when everybody has left") { return }
        checkEmpty()
        _ = note("at the end")
    }

    private func checkEmpty() {
        if !house.clients.isEmpty { house.complain("\(house.clients.count) clients are left") }
        if !house.origins.isEmpty {
            house.complain("\(house.origins.count) server connections are left")
        }
        if house.live.count != 0 { house.complain("\(house.live.count) live ones are left") }
        if house.connections.addressCount != 0 { house.complain("an address is left") }
        if !house.keyWaiters.isEmpty { house.complain("somebody waits for keys") }
        if !house.serverWaiters.isEmpty { house.complain("somebody waits for a server") }
        for (name, room) in house.rooms where !room.isIdle {
            house.complain("the waiting room of \(name) is not empty")
        }
        for (_, address, state) in house.registry.servers where state.active != 0 {
            house.complain("\(address.name) counts \(state.active)")
        }
        let stores = house.sessionCounts.blocks.values
        if stores.contains(where: { $0.sessions > 0 }) { house.complain("sessions are left") }
        if stores.contains(where: { $0.stores > 0 }) { house.complain("stores are left") }
        let ended = house.mailbox.endedSessions
        if Set(ended).count != ended.count { house.complain("a session ended twice") }
        for stream in house.unlogged {
            let kind = house.truth.asks[stream].map { "\($0.kind)" } ?? ""
            house.complain("\(kind) \(stream) is not in the log")
        }
    }

    // MARK: What happens

    private func pick<Element>(_ elements: [Element], _ which: Int) -> Element? {
        elements.isEmpty ? nil : elements[which % elements.count]
    }

    private func happen(_ event: Happening) {
        switch event.kind {
        case .connect, .ask, .body, .wholeBody, .speak, .renew, .closeSocket, .breakRules,
            .arrive, .arriveAll, .clientFinishes, .clientLeaves, .stall, .take, .silent:
            visitorActs(event)
        case .answer, .goOn, .torn, .large, .serverEnds, .serverArrives, .serverArrivesAll,
            .serverFinishes, .serverBreaks, .sayTooMuch, .serverStalls, .serverTakes:
            serverActs(event)
        case .door, .moment, .second, .longWhile, .reload, .revoke, .kick, .rotate,
            .storeAnswers, .storeCatchesUp, .storeAway, .drain:
            worldActs(event)
        }
    }

    private func visitorActs(_ event: Happening) {
        if event.kind == .connect || visitors.isEmpty { return connect() }
        guard let visitor = pick(visitors, event.which) else { return }
        switch event.kind {
        case .ask:
            visitor.ask(newAsk(event.much), session: visitors.compactMap(\.session).last)
            if event.which % 3 > 0 { visitor.arrive(.max) }
        case .body: visitor.goOn(isLast: false)
        case .wholeBody: visitor.goOn(isLast: true)
        case .speak: visitor.speak()
        case .renew: visitor.renew(newCredential(event.much))
        case .closeSocket: visitor.closeSocket(properly: true)
        case .breakRules: visitor.closeSocket(properly: false)
        case .arrive: visitor.arrive(1 + event.much % 90)
        case .arriveAll: visitor.arrive(.max)
        case .clientFinishes: visitor.finish()
        case .clientLeaves: visitor.leave()
        case .stall: visitor.wire.room = event.much % 300
        case .take:
            visitor.wire.room = event.much % 3 == 0 ? event.much % 5000 : .max
            visitor.wire.flush()
        case .silent: visitor.answersPings = event.much % 4 == 0
        case _: break
        }
    }

    private func connect() {
        let house = house
        let wire = Wire("to client \(house.newNumber())") { house.complain($0) }
        guard house.accept(wire) != nil else { return }
        house.visitors.append(Visitor(wire, house.truth))
    }

    private func newCredential(_ much: Int) -> Credential {
        let seconds = Int64((house.now - House.begin).components.seconds)
        return Credential(
            user: much % 3, key: much % 7 == 0 ? 2 + much / 7 % 3 : 1,
            seconds: seconds + Int64([-1, 2, 4, 9, 60, 600][much / 16 % 6]),
            role: much / 128 % 2 == 0 ? "admin" : "user", number: much / 256 % 9)
    }

    private func newAsk(_ much: Int) -> Ask {
        streamCount += 1
        let kind = Visitor.Kind.allCases[much / 3 % Visitor.Kind.allCases.count]
        let isNamed = kind.takesToken && much % 11 != 0
        return Ask(
            streamCount, kind, isNamed ? newCredential(much / 5) : nil, asked: house.now)
    }

    private func serverActs(_ event: Happening) {
        guard let end = pick(house.truth.ends.filter(\.isThere), event.which) else { return }
        switch event.kind {
        case .answer:
            guard let asked = pick(house.truth.ends.filter(\.isAsked), event.which) else { return }
            let styles = ServerEnd.Style.allCases
            let usual: [ServerEnd.Style] = [.length, .chunked, .events, .tunnel]
            asked.answer(
                event.much % 3 == 0
                    ? styles[event.much / 3 % styles.count] : usual[event.much / 3 % 4],
                isWhole: event.much % 2 == 0)
            if event.which % 4 > 0 { asked.arrive(.max) }
        case .goOn: speaking(event.which)?.goOn(isTorn: false, size: event.much % 40)
        case .torn: speaking(event.which)?.goOn(isTorn: true, size: event.much % 40)
        case .large:
            speaking(event.which)?.goOn(
                isTorn: event.much % 2 == 0, size: event.much % 4 == 0 ? 66_000 : 3000)
        case .serverEnds: speaking(event.which)?.end()
        case .serverArrives: end.arrive(1 + event.much % 120)
        case .serverArrivesAll: end.arrive(.max)
        case .serverFinishes: end.finish()
        case .serverBreaks:
            // That nothing was answered is when a request may be sent once more.
            let asked = pick(house.truth.ends.filter(\.isAsked), event.which)
            (event.much % 2 == 0 ? asked ?? end : end).breakOff()
        case .sayTooMuch:
            end.sayTooMuch()
            end.arrive(.max)
        case .serverStalls: end.wire.room = event.much % 100
        case .serverTakes:
            end.wire.room = .max
            end.wire.flush()
        case _: break
        }
    }

    private func speaking(_ which: Int) -> ServerEnd? {
        pick(house.truth.ends.filter(\.isSpeaking), which)
    }

    /// Half of them mean somebody who is here.
    private func revocation(_ event: Happening) -> Revocation {
        let here = house.clients.compactMap { client in
            client.entrant.flatMap { house.truth.asks[$0.stream]?.credential }
        }
        if event.much % 8 < 4, let credential = pick(here, event.which) {
            return Revocation(.token(id: "j\(credential.number)"))
        }
        return Revocation(
            event.much % 4 == 0
                ? .user("u\(event.which % 3)") : .token(id: "j\(event.which % 9)"))
    }

    private func worldActs(_ event: Happening) {
        switch event.kind {
        case .door:
            let doors: [Truth.Door] = [.open, .open, .refusing, .silent, .full]
            house.truth.setDoor([7, 8, 9][event.which % 3], doors[event.much % doors.count])
        case .moment: house.pass(.milliseconds(Int64(event.much % 300)))
        case .second: house.pass(.milliseconds(Int64(event.much % 3000)))
        case .longWhile: house.pass(.milliseconds(Int64(event.much % 20_000)))
        case .reload: house.reload(event.much)
        case .revoke: house.revoke(revocation(event))
        case .kick:
            house.kick(event.much % 2 == 0)
        case .rotate: house.truth.nextKeys = Set([1 + event.much % 3, 1 + event.which % 3])
        case .storeAnswers: house.late?.next(using: &house.random)
        case .storeCatchesUp: house.late?.catchUp()
        case .storeAway: house.late?.goAway()
        case .drain: house.drain()
        case _: break
        }
    }
}
