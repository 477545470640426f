import Settings

extension DeviceIdentity.Origin {
    /// Where the name of a device was found, as the configuration writes it.
    package var text: String {
        switch self {
        case .given(let source): source.text
        case .issued: "issued"
        case .looks: "fallback"
        }
    }
}

extension ValueSource {
    fileprivate var text: String {
        switch self {
        case .query(let name): "query:" + name
        case .header(let name): "header:" + name
        case .cookie(let name): "cookie:" + name
        case .claim(let name): "claim:" + name
        case .path(let name): "path:" + name
        }
    }
}
