import Clock
import LateStores
import Locks
import Sessions
import Settings
import Testing

/// Questions of those who are no connection: each is answered once, or it is said why not.
@Suite struct AskedStoreTests {
    private let late: LateStore
    private let asked: AskedStore
    private let wakes = Guarded(0)

    init() {
        let wakes = wakes
        let pending = PendingQuestions(most: 3) { wakes.withLock { $0 += 1 } }
        late = LateStore(
            SessionOutlets(
                deliver: { _ in }, answered: { pending.answered($0, $1) }, report: { _ in }))
        asked = AskedStore(late, pending)
    }

    /// What was heard, in order.
    private final class Heard: Sendable {
        private let words = Guarded<[String]>([])
        var all: [String] { words.withLock { $0 } }

        func note<Value>(_ name: String, _ word: @escaping @Sendable (Value) -> String)
            -> AskedStore.Told<Value>
        {
            { result in
                let text =
                    switch result {
                    case .success(let value): word(value)
                    case .failure(let failure): "\(failure)"
                    }
                self.words.withLock { $0.append("\(name): \(text)") }
            }
        }
    }

    private func list(_ name: String, _ heard: Heard, at now: Instant = .zero) {
        asked.list(
            SessionFilter(), after: nil, most: 10, now: now,
            heard.note(name) { "\($0.records.count)" }
        )
    }

    @Test func `answers come to those who asked, in whatever order`() {
        let heard = Heard()
        let store = StoreKey(block: "b", store: "1")
        list("list", heard)
        asked.carryOut(
            .clearLimit(store, role: nil), now: .zero, heard.note("clear") { _ in "done" })
        asked.counts(now: .zero, heard.note("counts") { "\($0.blocks.count)" })
        #expect(heard.all.isEmpty)
        late.catchUp()
        #expect(heard.all == ["list: 0", "clear: done", "counts: 0"])
        #expect(asked.nextDeadline == nil)
    }

    @Test func `who is not answered in time hears so once, and what comes then is for nobody`() {
        let heard = Heard()
        list("first", heard)
        list("second", heard, at: .seconds(1))
        #expect(wakes.withLock { $0 } == 2, "whoever lets time pass has to know")
        #expect(asked.nextDeadline == .seconds(3))
        asked.timePassed(to: .seconds(2.9))
        #expect(heard.all.isEmpty)
        asked.timePassed(to: .seconds(3))
        #expect(heard.all == ["first: late"])
        #expect(asked.nextDeadline == .seconds(4))
        late.catchUp()
        #expect(heard.all == ["first: late", "second: 0"])
        asked.timePassed(to: .seconds(100))
        #expect(heard.all.count == 2)
    }

    @Test func `no more questions are under way than may be`() {
        let heard = Heard()
        for name in ["1", "2", "3", "4"] { list(name, heard) }
        #expect(heard.all == ["4: crowded"])
        late.catchUp()
        list("5", heard)
        late.catchUp()
        #expect(heard.all == ["4: crowded", "1: 0", "2: 0", "3: 0", "5: 0"])
    }

    @Test func `a store that cannot say is no answer`() {
        let heard = Heard()
        late.goAway()
        list("list", heard)
        asked.ended(
            by: .kick(SessionFilter(), Kick()), now: .zero, heard.note("kick") { "\($0.count)" })
        late.catchUp()
        #expect(heard.all == ["list: unavailable", "kick: unavailable"])
    }

    @Test func `a table answers before the call returns, and nobody is woken`() {
        let heard = Heard()
        let wakes = wakes
        let table = AskedStore(
            SessionTable(deliver: { _ in }), PendingQuestions { wakes.withLock { $0 += 1 } })
        table.counts(now: .zero, heard.note("counts") { "\($0.tallies.admitted)" })
        #expect(heard.all == ["counts: 0"])
        #expect(table.nextDeadline == nil && wakes.withLock { $0 } == 0)
    }

    @Test func `all records are all pages of them`() throws {
        let rules = SessionRules(.limiting(.of("admin", max: 1, .blockNew)), generation: 1)
        let count = StoreQuestion.longestPage * 2 + 7
        for number in 1...count {
            _ = late.arrive(
                arrival(
                    number, device: try .named("\(number)"), role: "board", rules: rules,
                    store: "\(number % 50)"), now: .zero)
        }
        let heard = Heard()
        asked.records(now: .zero, heard.note("records") { "\(Set($0.map(\.id)).count)" })
        late.catchUp()
        #expect(heard.all == ["records: \(count)"])
    }

    @Test func `records whose second page does not come are no answer`() throws {
        let rules = SessionRules(.limiting(.of("admin", max: 1, .blockNew)), generation: 1)
        for number in 1...StoreQuestion.longestPage + 1 {
            _ = late.arrive(
                arrival(number, device: try .named("\(number)"), role: "board", rules: rules),
                now: .zero)
        }
        late.catchUp()
        let heard = Heard()
        var random = SeededGenerator(seed: 1)
        asked.records(now: .zero, heard.note("records") { "\($0.count)" })
        late.next(using: &random)
        #expect(heard.all.isEmpty)
        asked.timePassed(to: .seconds(3))
        #expect(heard.all == ["records: late"])
    }
}
