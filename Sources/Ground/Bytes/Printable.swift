extension String {
    /// The text fit for a terminal, and for one line of a log: control characters become their
    /// pictures, what would break the line, reorder or hide text becomes U+FFFD.
    package func printable(keepingTabs: Bool = false) -> String {
        guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
        var scalars = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if !scalar.isUnprintable || keepingTabs && scalar == "\t" {
                scalars.append(scalar)
            } else if scalar.value < 0x20, let picture = Unicode.Scalar(0x2400 + scalar.value) {
                scalars.append(picture)
            } else {
                scalars.append("\u{FFFD}")
            }
        }
        return String(scalars)
    }
}

extension Unicode.Scalar {
    /// Control characters of C0 and C1, separators of lines, and the marks that change the
    /// direction of text.
    package var isUnprintable: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
