//! The kills that wait for the end of one victim.

/// A kill that waits for its victim's end. Its killer is the victim's parent meanwhile, unless that is changed.
struct KillUnderWay<G> {
    killer: G,
    parent: G,
}

/// The kills that wait for the end of one victim. They need not end in the reverse order of their beginning;
/// the one that began last counts.
#[expect(
    clippy::box_collection,
    reason = "rarely there, and every block has one"
)]
pub(crate) struct Kills<G>(Option<Box<Vec<KillUnderWay<G>>>>);

impl<G> Default for Kills<G> {
    fn default() -> Self {
        Kills(None)
    }
}

impl<G: Clone + PartialEq> Kills<G> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The greenlet's outcome will go to `parent`.
    pub(crate) fn begin(&mut self, killer: &G) {
        self.0.get_or_insert_default().push(KillUnderWay {
            killer: killer.clone(),
            parent: killer.clone(),
        });
    }

    /// Takes away the last kill by `killer`, if the victim's death has not taken them all.
    pub(crate) fn end(&mut self, killer: &G) {
        let Some(kills) = &mut self.0 else {
            return;
        };
        let own = kills.iter().rposition(|kill| kill.killer == *killer);
        if let Some(own) = own {
            kills.remove(own);
        }
        if kills.is_empty() {
            self.0 = None;
        }
    }

    /// Those who wait, but for one.
    pub(crate) fn killers_but(&self, one: &G) -> Vec<G> {
        let kills = self.0.iter().flat_map(|kills| kills.iter());
        let killers = kills.map(|kill| &kill.killer);
        killers.filter(|killer| *killer != one).cloned().collect()
    }

    /// The victim's parent meanwhile.
    pub(crate) fn parent(&self) -> Option<G> {
        Some(self.0.as_ref()?.last()?.parent.clone())
    }

    /// Changes the victim's parent meanwhile; false if there is no kill.
    pub(crate) fn set_parent(&mut self, parent: &G) -> bool {
        let last = self.0.as_mut().and_then(|kills| kills.last_mut());
        let Some(kill) = last else {
            return false;
        };
        kill.parent = parent.clone();
        true
    }
}
