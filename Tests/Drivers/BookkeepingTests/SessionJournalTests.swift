import Clock
import Endings
import Identity
import Records
import Sessions
import Settings
import State
import Testing
import Transport

@testable import Bookkeeping

/// How a session ended is said by two, in either order, and written down once.
@Suite struct SessionJournalTests {
    private let store: StateStore
    private let journal: SessionJournal
    private let sessions: SessionTable
    private let rules = SessionRules(
        SessionSettings(
            name: "boards", store: .query("store"), limit: .init(devices: 9, policy: .blockNew)),
        generation: 1)
    private let key = StoreKey(block: "boards", store: "17")

    init() throws {
        let log = EventLog()
        log.set(level: .error)
        let journal = SessionJournal(log: log)
        self.journal = journal
        store = try StateStore(.init(place: .memory, history: .inMemory)) { _ in }
        journal.keep(in: store)
        sessions = SessionTable(deliver: { _ in }, report: { journal.note($0) })
    }

    private static let start = Instant.zero + .seconds(1000)

    /// So many seconds after the start.
    private func at(_ seconds: Int64) -> Instant { Self.start + .seconds(seconds) }

    private func enter(_ number: UInt64) throws -> SessionID {
        let id = SessionID(high: 0, low: number)
        _ = sessions.arrive(
            Arrival(
                id: id, connection: ConnectionAddress(worker: 0, connection: number), store: key,
                device: DeviceIdentity(
                    key: .client(try ClientID("d\(number)")), origin: .given(.query("id"))),
                role: nil, address: "192.0.2.1", userAgent: "", transport: .webSocket,
                route: "/ws", rules: rules), now: Self.start)
        return id
    }

    private func leave(_ id: SessionID, _ departure: Departure, after seconds: Int64 = 1) {
        sessions.tell(.depart(id, key, departure), now: at(seconds))
    }

    private func conclude(
        _ id: SessionID, _ reason: EndReason, _ detail: String? = nil, after seconds: Int64 = 1
    ) {
        let conclusion = SessionJournal.Conclusion(
            reason: reason, detail: detail, received: .init(octets: 5, messages: 2),
            sent: .init(octets: 7, messages: 3))
        journal.concluded(id, conclusion, now: at(seconds))
    }

    /// What is written of sessions that are over, the last one first.
    private func history() throws -> [HistoryEntry] {
        let handover = try Handover<Result<HistoryPage, StateError>>()
        store.history(HistoryQuery(.all)) { handover.give($0) }
        return try handover.wait().get().entries
    }

    @Test(arguments: [true, false])
    func `both words about an end make one entry, in either order`(isStoreFirst: Bool) throws {
        let id = try enter(1)
        if isStoreFirst { leave(id, .normal) }
        conclude(id, .forceDisconnect, "token_expired")
        if !isStoreFirst { leave(id, .normal) }
        let entries = try history()
        let entry = try #require(entries.first)
        #expect(entries.count == 1 && entry.session == id.description)
        #expect(entry.reason == "force_disconnect" && entry.rule == "token_expired")
        #expect(entry.received == .init(octets: 5, messages: 2))
        #expect(entry.sent == .init(octets: 7, messages: 3))
        #expect(entry.device == "d1" && entry.store == "17" && entry.route == "/ws")
    }

    @Test(
        arguments: [
            (EndReason.normal, "1000", nil), (.replaced, "replaced", nil), (.timeout, nil, nil),
            (.forceDisconnect, "kicked", "kicked"),
        ] as [(EndReason, String?, String?)])
    func `a rule is neither the number of a close frame nor the reason once more`(
        reason: EndReason, detail: String?, rule: String?
    ) throws {
        let id = try enter(1)
        leave(id, .normal)
        conclude(id, reason, detail)
        let entry = try #require(try history().first)
        #expect(entry.reason == reason.rawValue && entry.rule == rule)
    }

    @Test func `how the store ended a session is what counts`() throws {
        let id = try enter(1)
        _ = sessions.ask(.kick(SessionFilter(id: id), Kick()), number: 0, now: at(1))
        conclude(id, .clientGone)
        let entry = try #require(try history().first)
        #expect(entry.reason == "force_disconnect" && entry.rule == "kicked")
    }

    @Test func `a second word is waited for a while, and then what is known is written`() throws {
        let id = try enter(1)
        leave(id, .normal)
        journal.timePassed(to: at(20))
        #expect(try history().isEmpty)
        journal.timePassed(to: at(31))
        let entry = try #require(try history().first)
        #expect(entry.reason == "normal" && entry.sent == .init())
        // What comes behind it is about no session that is waited for.
        conclude(id, .timeout, after: 32)
        journal.timePassed(to: at(100))
        #expect(try history().count == 1)
    }

    @Test func `what only a connection said is forgotten in time`() throws {
        let id = try enter(1)
        conclude(id, .timeout, after: 1)
        journal.timePassed(to: at(40))
        leave(id, .normal, after: 41)
        journal.timePassed(to: at(80))
        #expect(try history().map(\.reason) == ["normal"])
    }

    @Test func `at the end what waits is written, and so is who is still there`() throws {
        let gone = try enter(1)
        let there = try enter(2)
        leave(gone, .normal)
        guard
            case .page(let records, _) = sessions.ask(
                .list(SessionFilter(id: there), after: nil, most: 1), number: 0, now: at(2))
        else {
            Issue.record("no list")
            return
        }
        journal.finish(records, now: at(2))
        let entries = try history()
        #expect(entries.map(\.session) == [there.description, gone.description])
        #expect(entries.map(\.reason) == ["draining", "normal"])
        #expect(entries.map(\.rule) == ["stopped", nil])
        // Nothing is kept from then on.
        conclude(there, .normal)
        leave(there, .normal, after: 3)
        #expect(try history().count == 2)
    }
}
