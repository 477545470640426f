/// `state PATH { history … }`: where what operators decide while the gateway runs is kept, and the
/// history of sessions.
package struct StateSettings: Sendable, Equatable {
    /// The path of a folder; it is made if the one it lies in is there.
    package var path: String
    /// Where the path stands.
    package var pathPosition = SourcePosition()
    /// Sessions that ended longer ago are forgotten.
    package var historyAge: Duration = .days(30)
    /// Ended sessions that are kept at most; 0 for none.
    package var historyCount = 1_000_000
    package var position = SourcePosition()

    package init(path: String) { self.path = path }
}
