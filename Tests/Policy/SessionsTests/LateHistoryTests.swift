import Clock
import FoundationEssentials
import LateStores
import Locks
import Sessions
import Settings
import Testing

private let iterations =
    ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 100

/// The histories of `HistoryTests`, several at once, through a store that answers later and in any
/// order among them: who asks has to hear what the engine decides.
@Suite struct LateHistoryTests {
    @Test func `a store that answers later decides as the engine does`() throws {
        for seed in 0..<UInt64(iterations) {
            let histories = try (UInt64(0)..<4).map { number in
                var history = History(
                    seed: 50_000 + 4 * seed + number, hasStragglers: false, isCrowded: false)
                try history.run()
                return history.steps
            }
            let replay = Replay(histories, seed: seed)
            if let complaint = replay.run() {
                Issue.record("seed \(seed): \(complaint)")
                return
            }
        }
    }
}

/// Histories of stores, each with a store and a worker of its own, asked in any order and answered
/// in any other.
private final class Replay {
    /// What the store under way has said since it was last looked at.
    private final class Said: Sendable {
        let words = Guarded<[String]>([])
        let messages = Guarded<[SessionMessage]>([])

        func add(_ word: String) { words.withLock { $0.append(word) } }
    }

    /// Of one store.
    private struct Course {
        var steps: ArraySlice<History.Step>
        /// What is to follow from that which was said to the store, in order.
        var expected: [[String]] = []
        var questions: [SessionID: SeatQuestion] = [:]
        var leases: [SessionID: SessionLease] = [:]
    }

    private let said = Said()
    private let store: LateStore
    private var courses: [Course]
    /// Of which stores, in order.
    private var reloads: [Int] = []
    private var random: SeededGenerator
    private var complaint: String?

    init(_ histories: [[History.Step]], seed: UInt64) {
        random = SeededGenerator(seed: seed)
        courses = histories.map { Course(steps: $0[...]) }
        let said = said
        store = LateStore(
            SessionOutlets(
                deliver: { message in
                    said.messages.withLock { $0.append(message) }
                    switch message {
                    case .answer(let answer, let id, _):
                        for word in answer.words(id) { said.add(word) }
                    case .probe(let id, _): said.add("ask \(id.low)")
                    // Told in words by the report.
                    case .end: break
                    }
                },
                answered: { _, answer in
                    if case .unavailable = answer { said.add("astray") }
                },
                report: { report in
                    switch report {
                    case .ended(let end): said.add(History.word(.ended(end)))
                    case .noticed(let notice): said.add(History.word(.noticed(notice)))
                    // Told by the answer.
                    case .refused: break
                    }
                }))
    }

    /// What went otherwise; nil when nothing did.
    func run() -> String? {
        while complaint == nil {
            let open = courses.indices.filter { !courses[$0].steps.isEmpty }
            let isAsked = Bool.random(using: &random)
            if isAsked, let course = open.randomElement(using: &random) {
                say(courses[course].steps.removeFirst(), course)
            } else if !happen(), open.isEmpty {
                break
            }
        }
        if complaint == nil, store.counts.blocks.contains(where: { $0.value.stores > 0 }) {
            return "a place was lost"
        }
        return complaint
    }

    // MARK: Said to the store

    private func key(_ course: Int) -> StoreKey { StoreKey(block: "b\(course)", store: "17") }

    private func id(_ id: SessionID, _ course: Int) -> SessionID {
        SessionID(high: UInt64(course), low: id.low)
    }

    private func say(_ step: History.Step, _ course: Int) {
        let key = key(course)
        switch step.event {
        case .arrive(var arrival):
            arrival.id = id(arrival.id, course)
            arrival.connection = ConnectionAddress(
                worker: UInt64(course), connection: arrival.id.low)
            arrival.store = key
            guard case .open(let question) = SeatQuestion.ask(arrival, of: store, now: step.now)
            else { return complain("it was answered at once", course) }
            courses[course].questions[arrival.id] = question
            courses[course].leases[arrival.id] = question.lease
        case .depart(let session, let departure):
            let session = id(session, course)
            courses[course].questions[session] = nil
            guard let lease = courses[course].leases.removeValue(forKey: session) else {
                store.tell(.depart(session, key, departure), now: step.now)
                break
            }
            let before = store.waitingCount
            lease.end(departure, now: step.now)
            // Who was refused has nothing to give back; but time has passed.
            if store.waitingCount == before { letTimePass(course, to: step.now) }
        case .answered(let session):
            store.tell(.answered(id(session, course), key), now: step.now)
        case .silent(let session):
            store.tell(.silent(id(session, course), key), now: step.now)
        case .setLimit(let limit, let endsExcess):
            _ = store.ask(
                .setLimit(key, limit, endsExcess: endsExcess), number: 1, now: step.now)
        case .clearLimit(let role):
            _ = store.ask(.clearLimit(key, role: role), number: 1, now: step.now)
        case .kick(var filter, let kick):
            (filter.block, filter.store) = (key.block, key.store)
            _ = store.ask(.kick(filter, kick), number: 1, now: step.now)
        case .adopt(let rules):
            _ = store.ask(.adopt(block: key.block, rules), number: 1, now: step.now)
            reloads.append(course)
        case .time: letTimePass(course, to: step.now)
        }
        // Who waits and is let in at once hears only the last.
        let decided = Set(
            step.words.flatMap { word in
                ["in ", "no "].filter(word.hasPrefix).map {
                    "wait " + word.dropFirst($0.count).prefix { $0 != " " }
                }
            })
        courses[course].expected.append(step.words.filter { !decided.contains($0) })
    }

    /// Every store has a time of its own here: it passes with a word about nobody.
    private func letTimePass(_ course: Int, to now: Instant) {
        store.tell(.answered(id(SessionID(0), course), key(course)), now: now)
    }

    // MARK: Said by the store

    private func happen() -> Bool {
        let counts = courses.indices.map { store.waitingCount(of: key($0)) }
        guard store.next(using: &random) else { return false }
        let met = courses.indices.first { store.waitingCount(of: key($0)) < counts[$0] }
        // Nobody's but a reload, of which the first is the first to happen.
        let course = met ?? reloads.removeFirst()
        let words = said.words.withLock { words in
            defer { words = [] }
            return words
        }
        let messages = said.messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
        guard !courses[course].expected.isEmpty else {
            complain("something happened that nobody said", course)
            return true
        }
        let expected = courses[course].expected.removeFirst()
        if words.sorted() != expected.sorted() {
            complain("\(words.sorted()), expected \(expected.sorted())", course)
        }
        for message in messages { told(message, course) }
        return true
    }

    /// As a worker takes it.
    private func told(_ message: SessionMessage, _ course: Int) {
        if message.connection.worker != UInt64(course) { complain("astray", course) }
        let id = SessionID(high: UInt64(course), low: message.connection.connection)
        if let fact = message.stray(beside: courses[course].leases[id]) {
            courses[course].expected.append([])
            return store.tell(fact, now: .zero)
        }
        guard let question = courses[course].questions[id] else { return }
        switch question.told(message, now: .zero) {
        case .outcome(.open(let next)): courses[course].questions[id] = next
        case .outcome(.seated(let lease, _)):
            if lease !== courses[course].leases[id] { complain("another lease", course) }
            courses[course].questions[id] = nil
        case .outcome(.refused): courses[course].questions[id] = nil
        case .ended: courses[course].questions[id] = nil
        case .outcome(.failed), .foreign: complain("not an answer", course)
        case .probed: complain("who waits is no holder", course)
        }
    }

    private func complain(_ what: String, _ course: Int) {
        if complaint == nil { complaint = "store \(course): \(what)" }
    }
}

extension SeatAnswer {
    /// As the decision is worded.
    fileprivate func words(_ id: SessionID) -> [String] {
        switch self {
        case .admitted(let record, let rule):
            [History.word(.admitted(record))]
                + (rule.map { [History.word(.overruled(record, $0))] } ?? [])
        case .waiting: [History.word(.waiting(id))]
        case .refused(let rejection): [History.word(rejection, id)]
        case .unavailable: ["unavailable"]
        }
    }
}
