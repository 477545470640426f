import Clock

/// How often a server was left out because its answers failed, and until when it is.
///
/// The first time is the base; each further ejection lasts one base longer, ten at most. For each
/// base that the server was in without another one is taken off again (as Envoy's outlier detection
/// has it).
struct Ejection: Sendable {
    /// The longest time, in bases.
    static let mostSteps = 10

    private var steps = 0
    private(set) var began: Instant?
    private(set) var until: Instant?
    private(set) var count = 0

    /// The server is left out from now on.
    ///
    /// - Returns: for how long.
    mutating func begin(at now: Instant, base: Duration) -> Duration {
        if let until, now > until {
            let forgiven = (now - until).wholeMilliseconds / max(1, base.wholeMilliseconds)
            steps = max(0, steps - Int(clamping: forgiven))
        }
        steps = min(steps + 1, Self.mostSteps)
        let time = base * steps
        began = now
        until = now + time
        count += 1
        return time
    }
}
