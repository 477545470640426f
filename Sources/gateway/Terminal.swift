import Glibc
import Settings
import Transport

/// Standard error as people read it.
enum Terminal {
    /// True when standard error is a terminal that wants colours (no-color.org).
    static var wantsColor: Bool {
        let isOff = SystemConfigurationFiles().environment("NO_COLOR").map { !$0.isEmpty } ?? false
        return isatty(2) == 1 && !isOff
    }

    /// Writes `text` and a line break to standard error.
    static func complain(_ text: String) { System.write((text + "\n").utf8.span, to: 2) }
}
