package import Clock
import Locks

/// The store of sessions as those ask it who are no connection: the console, what is kept, the
/// journal. Each is told once, at once or later: the answer, or why there is none.
package final class AskedStore: Sendable {
    package typealias Told<Value> = @Sendable (Result<Value, StoreFailure>) -> Void

    /// A console's request is answered within this time and what its other steps take.
    package static let patience: Duration = .seconds(3)
    /// Questions that may be under way.
    package static let mostPending = 1024

    package let store: any SessionStore
    private let pending: PendingQuestions

    package init(_ store: any SessionStore, _ pending: PendingQuestions) {
        self.store = store
        self.pending = pending
    }

    /// - Parameter told: called once, on whatever thread the answer comes, also before this
    ///   returns.
    private func ask<Value>(
        _ question: StoreQuestion, _ now: Instant, _ told: @escaping Told<Value>,
        _ read: @escaping @Sendable (StoreAnswer) -> Value?
    ) {
        let opened = pending.open(until: now + Self.patience) { result in
            switch result {
            case .failure(let failure): told(.failure(failure))
            case .success(let answer):
                guard let value = read(answer) else { return told(.failure(.unavailable)) }
                told(.success(value))
            }
        }
        guard let number = opened else { return told(.failure(.crowded)) }
        if let answer = store.ask(question, number: number, now: now) {
            pending.answered(number, answer)
        } else {
            pending.noteDeadline()
        }
    }

    /// At most `most`, whose id is after the cursor, by id.
    package func list(
        _ filter: SessionFilter, after cursor: SessionID?, most: Int, now: Instant,
        _ told: @escaping Told<(records: [SessionRecord], next: SessionID?)>
    ) {
        ask(.list(filter, after: cursor, most: most), now, told) { answer in
            if case .page(let records, let next) = answer { (records, next) } else { nil }
        }
    }

    /// At most `most`, after the cursor by name.
    package func stores(
        _ filter: SessionFilter, after cursor: StoreKey?, most: Int, now: Instant,
        _ told: @escaping Told<(stores: [StoreSummary], next: StoreKey?)>
    ) {
        ask(.stores(filter, after: cursor, most: most), now, told) { answer in
            if case .stores(let stores, let next) = answer { (stores, next) } else { nil }
        }
    }

    package func counts(now: Instant, _ told: @escaping Told<StoreCounts>) {
        ask(.counts, now, told) { answer in
            if case .counts(let counts) = answer { counts } else { nil }
        }
    }

    /// An order that ends sessions, or the trial of one: the longest connected first.
    package func ended(
        by order: StoreQuestion, now: Instant, _ told: @escaping Told<[SessionRecord]>
    ) {
        ask(order, now, told) { answer in
            if case .ended(let records) = answer { records } else { nil }
        }
    }

    /// An order that ends nobody.
    package func carryOut(_ order: StoreQuestion, now: Instant, _ told: @escaping Told<Void>) {
        ask(order, now, told) { answer in
            if case .done = answer { () } else { nil }
        }
    }

    /// All sessions that are live now, in no order.
    package func records(now: Instant, _ told: @escaping Told<[SessionRecord]>) {
        records(behind: [], after: nil, now, told)
    }

    private func records(
        behind found: [SessionRecord], after cursor: SessionID?, _ now: Instant,
        _ told: @escaping Told<[SessionRecord]>
    ) {
        let most = StoreQuestion.longestPage
        list(SessionFilter(), after: cursor, most: most, now: now) { [self] result in
            switch result {
            case .failure(let failure): told(.failure(failure))
            case .success(let (page, next)):
                guard let next else { return told(.success(found + page)) }
                records(behind: found + page, after: next, now, told)
            }
        }
    }

    // MARK: Time

    /// When `timePassed` has something to do; nil while everything is answered.
    package var nextDeadline: Instant? { pending.nextDeadline }

    /// Tells askers that have waited long enough that no answer came.
    package func timePassed(to now: Instant) { pending.timePassed(to: now) }
}

/// Questions to a store of sessions that are under way, by number. Nothing is called under the
/// lock.
package final class PendingQuestions: Sendable {
    typealias Told = @Sendable (Result<StoreAnswer, StoreFailure>) -> Void

    private struct Open: Sendable {
        var last: UInt64 = 0
        var questions: [UInt64: (until: Instant, told: Told)] = [:]
    }

    private let open = Guarded(Open())
    private let most: Int
    private let wake: @Sendable () -> Void

    /// - Parameter wake: called when there is a deadline that whoever lets time pass does not know.
    package init(most: Int = AskedStore.mostPending, wake: @escaping @Sendable () -> Void) {
        self.most = most
        self.wake = wake
    }

    /// - Returns: the number under which the answer is expected; nil when too many are.
    func open(until deadline: Instant, _ told: @escaping Told) -> UInt64? {
        open.withLock { open in
            guard open.questions.count < most else { return nil }
            open.last += 1
            open.questions[open.last] = (deadline, told)
            return open.last
        }
    }

    /// Does nothing when it is not waited for any more.
    package func answered(_ number: UInt64, _ answer: StoreAnswer) {
        let question = open.withLock { $0.questions.removeValue(forKey: number) }
        question?.told(.success(answer))
    }

    func noteDeadline() { wake() }

    var nextDeadline: Instant? { open.withLock { $0.questions.values.lazy.map(\.until).min() } }

    func timePassed(to now: Instant) {
        let late = open.withLock { open in
            let late = open.questions.filter { $0.value.until <= now }.sorted { $0.key < $1.key }
            for (number, _) in late { open.questions[number] = nil }
            return late
        }
        for (_, question) in late { question.told(.failure(.late)) }
    }
}
