/// What came of sessions since the process started.
package struct SessionTallies: Sendable, Hashable {
    package var admitted = 0
    package var waited = 0
    package var refused = 0
    package var flapping = 0
    package var replaced = 0
    package var ejected = 0
    package var ghosts = 0
    package var kicked = 0
    /// `report_only sessions`: what would have been refused, and would have ended others.
    package var wouldRefuse = 0
    package var wouldEject = 0

    package init() {}

    mutating func count(_ decision: SessionDecision) {
        switch decision {
        case .admitted: admitted += 1
        case .waiting: waited += 1
        case .refused(_, let rejection):
            switch rejection.reason {
            case .full: refused += 1
            case .flapping: flapping += 1
            case .replaced: replaced += 1
            }
        case .ended(let end):
            switch end.cause {
            case .departed: break
            case .replaced: replaced += 1
            case .ejected: ejected += 1
            case .silent: ghosts += 1
            case .limited, .kicked: kicked += 1
            }
        case .overruled(_, .refusal): wouldRefuse += 1
        case .overruled(_, .ejection): wouldEject += 1
        case .probe, .noticed(.flapping): break
        }
    }

    mutating func add(_ other: Self) {
        admitted += other.admitted
        waited += other.waited
        refused += other.refused
        flapping += other.flapping
        replaced += other.replaced
        ejected += other.ejected
        ghosts += other.ghosts
        kicked += other.kicked
        wouldRefuse += other.wouldRefuse
        wouldEject += other.wouldEject
    }
}
