/// Exit codes of the process.
package enum ExitCode {
    package static let success: Int32 = 0
    package static let configuration: Int32 = 1
    package static let usage: Int32 = 2
    package static let bind: Int32 = 3
    package static let internalError: Int32 = 70
}
