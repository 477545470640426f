import Clock
import Endings
import LateStores
import Locks
import Sessions
import Settings
import Testing

/// What an answer means for whoever asked for a seat: at once, later, twice, too late, to somebody
/// who has left, or never.
@Suite struct SeatQuestionTests {
    /// A connection as its worker has it, a store that answers when it is told to, and time.
    private final class Dialogue {
        let store: LateStore
        private let messages: Guarded<[SessionMessage]>
        private var random = SeededGenerator(seed: 1)
        private var question: SeatQuestion?
        private(set) var lease: SessionLease?
        private var now = Instant.zero
        private var number = 0

        init() {
            let messages = Guarded<[SessionMessage]>([])
            self.messages = messages
            store = LateStore(
                SessionOutlets(
                    deliver: { message in messages.withLock { $0.append(message) } },
                    answered: { _, _ in }, report: { _ in }))
        }

        /// The connection asks for a session of this device; its own is the only question it has.
        func ask(
            _ device: String, max: Int = 1, at second: Double = 0, isReportOnly: Bool = false,
            probe: Duration? = nil
        ) throws -> String {
            number += 1
            now = .seconds(second)
            let rules = SessionRules(
                .limiting(.of(max: max, .blockNew), probe: probe), generation: 1)
            var newcomer = arrival(
                number, device: try .named(device), rules: rules, isReportOnly: isReportOnly)
            newcomer.connection = ConnectionAddress(worker: 0, connection: 1)
            return take(.outcome(SeatQuestion.ask(newcomer, of: store, now: now)))
        }

        /// Others who are in already, and make no sound.
        func fill(_ devices: String...) throws {
            for (number, device) in devices.enumerated() {
                let holder = arrival(
                    1000 + number, device: try .named(device),
                    rules: SessionRules(
                        .limiting(.of(max: devices.count, .blockNew), probe: .seconds(2)),
                        generation: 1))
                _ = SeatQuestion.ask(holder, of: store, now: .zero).lease.map { held.append($0) }
            }
            store.catchUp()
            messages.withLock { $0 = [] }
        }

        private var held: [SessionLease] = []

        /// The store comes to the next thing it was asked or told.
        func answer() -> [String] {
            store.next(using: &random)
            let delivered = messages.withLock { messages in
                defer { messages = [] }
                return messages
            }
            return delivered.filter { $0.connection.connection == 1 }.map { hear($0) }
        }

        /// A message comes to the connection.
        func hear(_ message: SessionMessage) -> String {
            if let fact = message.stray(beside: lease) {
                store.tell(fact, now: now)
                return "given back"
            }
            guard let question else { return "ignored" }
            return take(question.told(message, now: now))
        }

        func wait(until second: Double) -> String {
            now = .seconds(second)
            guard let question else { return "nothing to wait for" }
            return take(.outcome(question.timePassed(to: now)))
        }

        /// The client is gone, or the process stops.
        func leave(_ departure: Departure = .normal) {
            lease?.end(departure, now: now)
            (lease, question) = (nil, nil)
        }

        private func take(_ word: SeatQuestion.Word) -> String {
            switch word {
            case .outcome(.open(let next)):
                question = next
                lease = next.lease
                return "waits until \((next.deadline - .zero).components.seconds)"
            case .outcome(.seated(let lease, let rule)):
                (self.lease, question) = (lease, nil)
                return rule == nil ? "seated" : "seated despite"
            case .outcome(.refused(let rejection)):
                (lease, question) = (nil, nil)
                return rejection.word
            case .outcome(.failed(let failure)):
                (lease, question) = (nil, nil)
                return "failed: \(failure.refusal.reason.rawValue) \(failure)"
            case .ended(let ending):
                (lease, question) = (nil, nil)
                return "ended: \(ending.cause.rawValue)"
            case .probed: return "probed"
            case .foreign: return "foreign"
            }
        }

        var sessions: Int { store.counts.blocks.values.reduce(0) { $0 + $1.sessions } }

        /// Nothing is left of anybody when all has come to its end.
        func isEmptyInTheEnd() -> Bool {
            leave()
            held = []
            repeat {
                store.catchUp()
                for message in messages.withLock({ messages in
                    defer { messages = [] }
                    return messages
                }) { _ = hear(message) }
            } while store.waitingCount > 0
            return store.counts.blocks.isEmpty
        }
    }

    @Test func `an answer that comes later is an answer`() throws {
        let dialogue = Dialogue()
        #expect(try dialogue.ask("A") == "waits until 3")
        #expect(dialogue.answer() == ["seated"])
        #expect(dialogue.sessions == 1)
        #expect(dialogue.isEmptyInTheEnd())
    }

    @Test func `a table is asked in the same way, and answers at once`() throws {
        let desk = FrontDesk()
        let rules = SessionRules.plain(1, .blockNew)
        guard
            case .seated(let lease, nil) = SeatQuestion.ask(
                arrival(1, device: try .named("A"), rules: rules), of: desk.table, now: .zero),
            case .refused(let rejection) = SeatQuestion.ask(
                arrival(2, device: try .named("B"), rules: rules), of: desk.table, now: .zero)
        else {
            Issue.record("not answered at once")
            return
        }
        #expect(rejection.limit?.devices == 1)
        #expect(desk.table.count == 1)
        lease.end()
        #expect(desk.table.storeCount == 0)
    }

    @Test func `a refusal that comes later has nothing to give back`() throws {
        let dialogue = Dialogue()
        try dialogue.fill("A")
        #expect(try dialogue.ask("B") == "waits until 3")
        #expect(dialogue.answer() == ["refused"])
        #expect(dialogue.store.waitingCount == 0)
        #expect(dialogue.isEmptyInTheEnd())
    }

    @Test func `what only rules that report would have done is told with a late answer too`() throws
    {
        let dialogue = Dialogue()
        try dialogue.fill("A")
        _ = try dialogue.ask("B", isReportOnly: true)
        #expect(dialogue.answer() == ["seated despite"])
    }

    @Test func `while others are asked it is waited for longer`() throws {
        let dialogue = Dialogue()
        try dialogue.fill("A")
        #expect(try dialogue.ask("B", at: 60, probe: .seconds(2)) == "waits until 63")
        #expect(dialogue.answer() == ["waits until 105"])
        // A word that comes twice gives no more time.
        let again = SessionMessage.answer(
            .waiting, SessionID(1), ConnectionAddress(worker: 0, connection: 1))
        #expect(dialogue.hear(again) == "waits until 105")
        dialogue.store.tell(.tick, now: .seconds(62))
        #expect(dialogue.answer() == ["seated"])
        #expect(dialogue.isEmptyInTheEnd())
    }

    // MARK: Nothing in time

    @Test func `without an answer in time it is refused, and what comes after all is given back`()
        throws
    {
        let dialogue = Dialogue()
        _ = try dialogue.ask("A")
        #expect(dialogue.wait(until: 2.9) == "waits until 3")
        #expect(dialogue.wait(until: 3) == "failed: overloaded late")
        #expect(dialogue.store.waitingCount == 2, "the arrival, and that nobody waits for it")
        #expect(dialogue.answer() == ["given back"])
        #expect(dialogue.sessions == 1)
        #expect(dialogue.answer() == [])
        #expect(dialogue.sessions == 0)
        #expect(dialogue.isEmptyInTheEnd())
    }

    @Test func `a store that repeats the arrival behind the departure has its seat given back`()
        throws
    {
        let dialogue = Dialogue()
        _ = try dialogue.ask("A")
        #expect(dialogue.wait(until: 3) == "failed: overloaded late")
        dialogue.store.catchUp()
        #expect(dialogue.sessions == 0)
        // It was not sure that the first one had come, and the id was never used.
        var random = SeededGenerator(seed: 7)
        let rules = SessionRules.plain(1, .blockNew)
        var again = arrival(1, device: try .named("A"), rules: rules)
        again.connection = ConnectionAddress(worker: 0, connection: 1)
        _ = dialogue.store.arrive(again, now: .seconds(4))
        while dialogue.sessions == 0 { dialogue.store.next(using: &random) }
        #expect(dialogue.answer().contains("given back"))
        #expect(dialogue.isEmptyInTheEnd())
        #expect(dialogue.sessions == 0)
    }

    @Test func `waiting ends in time as well`() throws {
        let dialogue = Dialogue()
        try dialogue.fill("A")
        _ = try dialogue.ask("B", at: 60, probe: .seconds(2))
        _ = dialogue.answer()
        #expect(dialogue.wait(until: 104) == "waits until 105")
        #expect(dialogue.wait(until: 105) == "failed: overloaded late")
        #expect(dialogue.isEmptyInTheEnd())
    }

    @Test func `a store that cannot say is told that nobody waits`() throws {
        let dialogue = Dialogue()
        dialogue.store.goAway()
        _ = try dialogue.ask("A")
        #expect(dialogue.answer() == ["failed: overloaded unavailable"])
        #expect(dialogue.sessions == 1, "it was let in, and only the answer was lost")
        #expect(dialogue.answer() == [])
        #expect(dialogue.sessions == 0)
    }

    @Test func `a store that cannot say so at once is told the same`() throws {
        let away = AwayStore()
        let outcome = SeatQuestion.ask(
            arrival(1, device: try .named("A"), rules: .plain(1, .blockNew)), of: away, now: .zero)
        guard case .failed(.unavailable) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(away.departed.withLock { $0 } == [SessionID(1)])
    }

    // MARK: To somebody who has left

    @Test(arguments: [Departure.normal, .abnormal, .unserved])
    func `who left before the answer has no seat`(departure: Departure) throws {
        let dialogue = Dialogue()
        _ = try dialogue.ask("A")
        dialogue.leave(departure)
        #expect(dialogue.answer() == ["given back"])
        #expect(dialogue.isEmptyInTheEnd())
    }

    @Test func `the answer to an earlier request of the connection is not the later one's`() throws
    {
        let dialogue = Dialogue()
        try dialogue.fill("A")
        _ = try dialogue.ask("B")
        #expect(dialogue.wait(until: 3) == "failed: overloaded late")
        #expect(try dialogue.ask("A", at: 4) == "waits until 7")
        // The refusal of B: the connection asks for A by now.
        #expect(dialogue.answer() == ["foreign"])
        #expect(dialogue.answer() == [])
        #expect(dialogue.answer() == ["seated"])
    }

    @Test func `what comes twice changes nothing`() throws {
        let dialogue = Dialogue()
        _ = try dialogue.ask("A")
        #expect(dialogue.answer() == ["seated"])
        let id = SessionID(1)
        let here = ConnectionAddress(worker: 0, connection: 1)
        for answer in [SeatAnswer.waiting, .refused(Rejection(.replaced)), .unavailable] {
            #expect(dialogue.hear(.answer(answer, id, here)) == "ignored")
        }
        #expect(dialogue.sessions == 1)
        #expect(dialogue.isEmptyInTheEnd())
    }

    @Test func `words about it that overtake the answer are understood`() throws {
        let here = ConnectionAddress(worker: 0, connection: 1)
        let dialogue = Dialogue()
        _ = try dialogue.ask("A")
        #expect(dialogue.hear(.probe(SessionID(1), here)) == "probed")
        #expect(dialogue.hear(.probe(SessionID(2), here)) == "foreign")
        #expect(dialogue.answer() == ["seated"])
    }

    @Test func `an end that overtakes the answer is the end`() throws {
        let dialogue = Dialogue()
        _ = try dialogue.ask("A")
        let ending = try ending(
            of: arrival(1, device: try .named("A"), rules: .plain(1, .ejectOld)))
        #expect(dialogue.hear(.end(ending)) == "ended: eject_old")
        #expect(dialogue.answer() == ["given back"])
        #expect(dialogue.isEmptyInTheEnd())
    }

    /// What a session is told that another one ejected.
    private func ending(of session: Arrival) throws -> Ending {
        let found = Guarded<Ending?>(nil)
        let table = SessionTable(deliver: { message in
            if case .end(let ending) = message { found.withLock { $0 = ending } }
        })
        let first = table.admit(session, now: .zero)
        let second = table.admit(
            arrival(99, device: try .named("Z"), rules: session.rules), now: .zero)
        _ = (first, second)
        return try #require(found.withLock { $0 })
    }

    @Test(arguments: StoreFailure.allCases)
    func `a failure says one thing to clients and another to operators`(failure: StoreFailure) {
        #expect(failure.refusal.reason == .overloaded && failure.refusal.status == 503)
        #expect(failure.refusal.retryAfterSeconds != nil)
        #expect(failure.problem.status == (failure == .late ? 504 : 503))
        #expect(!failure.words.isEmpty)
    }
}

extension SeatQuestion.Outcome {
    /// Who was let in, or waits.
    fileprivate var lease: SessionLease? {
        switch self {
        case .seated(let lease, _): lease
        case .open(let question): question.lease
        case .refused, .failed: nil
        }
    }
}

/// A store that says at once that it cannot answer.
private final class AwayStore: SessionStore {
    let departed = Guarded<[SessionID]>([])

    func arrive(_ arrival: Arrival, now: Instant) -> SeatAnswer? { .unavailable }
    func ask(_ question: StoreQuestion, number: UInt64, now: Instant) -> StoreAnswer? {
        .unavailable
    }
    func tell(_ fact: SessionFact, now: Instant) {
        if case .depart(let id, _, _) = fact { departed.withLock { $0.append(id) } }
    }
    var nextDeadline: Instant? { nil }
}
