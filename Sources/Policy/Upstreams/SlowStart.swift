import Clock
import Synchronization

/// When a server came back, and which share of its weight it has since.
struct SlowStart: ~Copyable, Sendable {
    /// The share of a server that is back this moment, in thousandths: some requests have to come,
    /// else nothing gets warm.
    static let least = 100
    static let whole = 1000

    private let sinceNanoseconds = Atomic(Self.never)
    /// Before every clock: it was never away.
    private static let never = Int64.min

    func cameBack(at now: Instant) {
        sinceNanoseconds.store(now.nanoseconds, ordering: .relaxed)
    }

    /// In thousandths.
    ///
    /// - Parameter time: how long until it has all of it; nil for at once.
    func share(at now: Instant, over time: Duration?) -> Int {
        guard let time else { return Self.whole }
        let since = sinceNanoseconds.load(ordering: .relaxed)
        if since == Self.never { return Self.whole }
        let passed = now - Instant(nanoseconds: since)
        if passed >= time { return Self.whole }
        return max(Self.least, Int(Double(Self.whole) * (passed / time)))
    }
}
