internal import Clock
internal import Transport

/// What time it is for members of a worker, and for the answers they give.
extension Worker {
    /// For an answer that is made now, or that came without its own.
    var date: [UInt8] { dateLine.octets(at: SystemClock.wallTime()) }

    /// The wheel woke the member that has this deadline: true when it has come.
    func isDue(_ deadline: inout Deadline, of token: UInt64) -> Bool {
        switch deadline.fired(at: now) {
        case .due: return true
        case .moved(let instant): schedule(token, at: instant)
        case .early: break
        }
        return false
    }
}
