/// A command is over and has said what there was to say; the process ends with this code.
struct CommandEnd: Error {
    /// One of `Control.ExitCode`.
    var code: Int32
}
