package import Clock

/// What people call a device: "office PC".
package struct DeviceAlias: Sendable, Hashable {
    package struct Key: Sendable, Hashable {
        /// The name of the `sessions` block.
        package var block: String
        /// Nil for the device in whatever store it comes up.
        package var store: String?
        package var clientID: String

        package init(block: String, store: String?, clientID: String) {
            self.block = block
            self.store = store
            self.clientID = clientID
        }

        package func check() throws(InvalidRecord) {
            try RecordText.check(block, "block", 1...64)
            if let store { try RecordText.check(store, "store", 1...RecordText.longestName) }
            try RecordText.check(clientID, "clientID", 1...RecordText.longestName)
        }
    }

    package var key: Key
    package var name: String
    package var changed: WallTime
    package var changedBy: String

    package init(key: Key, name: String, changed: WallTime, changedBy: String) {
        self.key = key
        self.name = name
        self.changed = changed
        self.changedBy = changedBy
    }

    package func check() throws(InvalidRecord) {
        try key.check()
        try RecordText.check(name, "name", 1...RecordText.longestName)
        try RecordText.check(changedBy, "changedBy", 1...RecordText.longestName)
    }
}
