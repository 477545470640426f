package import KeySets
package import Names
package import Transport

/// What workers tell the control thread.
package enum ControlMessage: Sendable {
    case adopted(worker: Int, generation: UInt64)
    case stopped(worker: Int)
    case signal(Signal)
    case keysRead(KeySetReport)
    case nameResolved(NameReport)
    /// The store of sessions was asked, which is not waited for for ever.
    case storeAsked
    /// Workers were asked for figures, which are not waited for for ever.
    case figures(FigureRound)
}
