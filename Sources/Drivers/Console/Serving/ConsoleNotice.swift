/// For the log of an operator.
package enum ConsoleNotice: Sendable, Hashable {
    case info(String)
    case warning(String)
}
