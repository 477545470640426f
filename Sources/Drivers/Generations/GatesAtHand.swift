package import Identity

/// The gates that a worker has at hand: of the generation that it asked last.
package struct GatesAtHand {
    private var gates: Gates?
    private var snapshot: Gates.Snapshot?
    /// What tokens said that were verified lately.
    package var verifiedTokens = VerifiedTokenCache()

    package init() {}

    /// The newest ones: a look at one number, unless there are others by now.
    package mutating func newest(of gates: Gates) -> Gates.Snapshot {
        if let snapshot, self.gates === gates, snapshot.version == gates.version {
            return snapshot
        }
        let newest = gates.snapshot
        self.gates = gates
        snapshot = newest
        return newest
    }
}
