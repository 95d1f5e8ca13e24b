"""Measured antiprotons of p p collisions: all points near threshold of two experiments, seven at 158 GeV/c.

Published figures as collected in github.com/dimauromattia/CRXS at commit 3716d94. NA61/SHINE
and NA49 have removed the antiprotons of hyperons.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from propmat.galaxy.antiprotons.kinematics import largest_antiproton_energy
from propmat.species import FloatArray, get_species


class Measurement(NamedTuple):
    """E d3sigma/dp3 of p p -> pbar X.

    Attributes:
        source: paper and beam.
        root_s: sqrt(s) [GeV].
        scale: relative uncertainty common to all points.
        transverse: (point,) p_T [GeV].
        energy: (point,) of the antiproton in the centre of mass [GeV].
        value, error: (point,) [mb/GeV^2].
    """

    source: str
    root_s: float
    scale: float
    transverse: FloatArray
    energy: FloatArray
    value: FloatArray
    error: FloatArray


Rows = list[tuple[float, float, float, float]]
_DEKKERS: Final[dict[float, Rows]] = {
    6.089635: [
        (0.0, 0.39894, 0.03954, 0.01181), (0.0, 0.48008, 0.01299, 0.00371), (0.39933, 0.42395, 0.01618, 0.00514),
        (0.59900, 0.51760, 0.00540, 0.00135), (0.79867, 0.63436, 0.000680, 0.000189),
    ],
    6.718975: [
        (0.0, 0.33810, 0.07216, 0.01412), (0.0, 0.39359, 0.04909, 0.00709), (0.0, 0.47125, 0.01724, 0.00227),
        (0.0, 0.55797, 0.00633, 0.00121), (0.0, 0.64926, 0.00209, 0.00050),
    ],
}  # fmt: skip
"""sqrt(s) -> p_T, x_R = E/E_max, value, error."""
_NA49: Final[Rows] = [
    (0.1, 0.111916, 0.581, 0.0213), (0.3, 0.119608, 0.404, 0.0121), (0.5, 0.240540, 0.086, 0.0050),
    (0.3, 0.328719, 0.0429, 0.0063), (0.7, 0.138844, 0.1102, 0.0090), (0.1, 0.190070, 0.260, 0.0191),
    (0.5, 0.126101, 0.230, 0.0126),
]  # fmt: skip
_NA61: Final[dict[float, dict[float, list[tuple[float, float, float, float]]]]] = {
    7.743398: {
        0.1: [
            (0.05, 0.1424, 0.0281, 0.0148), (0.15, 0.1507, 0.0247, 0.0119), (0.25, 0.1567, 0.0220, 0.0182),
            (0.35, 0.1003, 0.0153, 0.0153), (0.45, 0.0652, 0.0114, 0.0092), (0.55, 0.0368, 0.0073, 0.0047),
            (0.65, 0.0243, 0.0056, 0.0031), (0.75, 0.0220, 0.0053, 0.0031), (0.85, 0.0178, 0.0055, 0.0027),
        ],
        0.3: [
            (0.05, 0.1462, 0.0494, 0.0205), (0.15, 0.1613, 0.0264, 0.0264), (0.25, 0.1423, 0.0217, 0.0217),
            (0.35, 0.1232, 0.0216, 0.0158), (0.45, 0.0509, 0.0089, 0.0059), (0.55, 0.0465, 0.0087, 0.0065),
            (0.65, 0.0329, 0.0069, 0.0042), (0.75, 0.01356, 0.00268, 0.00174), (0.85, 0.01858, 0.00347, 0.00261),
        ],
        0.5: [
            (0.05, 0.0738, 0.0178, 0.0086), (0.15, 0.0961, 0.0190, 0.0135), (0.25, 0.0847, 0.0129, 0.0099),
            (0.35, 0.0915, 0.0139, 0.0139), (0.45, 0.0458, 0.0080, 0.0059), (0.55, 0.0241, 0.0084, 0.0034),
            (0.65, 0.0153, 0.0052, 0.0016), (0.75, 0.01204, 0.00211, 0.00169),
        ],
        0.7: [
            (0.05, 0.0681, 0.0134, 0.0087), (0.15, 0.0673, 0.0169, 0.0110), (0.25, 0.0539, 0.0106, 0.0063),
            (0.35, 0.0589, 0.0110, 0.0090), (0.45, 0.0201, 0.0037, 0.0026), (0.55, 0.0216, 0.0061, 0.0030),
            (0.65, 0.01757, 0.00267, 0.00267),
        ],
        0.9: [
            (0.05, 0.0605, 0.0099, 0.0085), (0.15, 0.0418, 0.0141, 0.0068), (0.25, 0.0406, 0.0085, 0.0052),
            (0.35, 0.0333, 0.0077, 0.0043), (0.45, 0.0232, 0.0041, 0.0033), (0.55, 0.00623, 0.00156, 0.00080),
            (0.65, 0.00312, 0.00069, 0.00036),
        ],
    },
    8.766021: {
        0.1: [
            (0.45, 0.0851, 0.0130, 0.0130), (0.55, 0.0559, 0.0085, 0.0085), (0.65, 0.0255, 0.0042, 0.0042),
            (0.75, 0.0236, 0.0036, 0.0036), (0.85, 0.01078, 0.00201, 0.00126),
        ],
        0.3: [
            (0.05, 0.1879, 0.0350, 0.0264), (0.15, 0.1335, 0.0203, 0.0203), (0.25, 0.1350, 0.0205, 0.0205),
            (0.35, 0.1186, 0.0194, 0.0194), (0.45, 0.0740, 0.0095, 0.0095), (0.55, 0.0479, 0.0073, 0.0073),
            (0.65, 0.0363, 0.0055, 0.0047), (0.75, 0.0271, 0.0038, 0.0038), (0.95, 0.00620, 0.00122, 0.00094),
        ],
        0.5: [
            (0.05, 0.1539, 0.0304, 0.0179), (0.15, 0.1237, 0.0098, 0.0066), (0.25, 0.1359, 0.0207, 0.0175),
            (0.35, 0.0894, 0.0146, 0.0115), (0.45, 0.0695, 0.0114, 0.0089), (0.55, 0.0342, 0.0052, 0.0044),
            (0.65, 0.0278, 0.0042, 0.0036),
        ],
        0.7: [
            (0.05, 0.0392, 0.0122, 0.0050), (0.15, 0.0804, 0.0113, 0.0113), (0.25, 0.0635, 0.0097, 0.0097),
            (0.35, 0.0566, 0.0093, 0.0093), (0.45, 0.0411, 0.0067, 0.0062), (0.55, 0.0331, 0.0050, 0.0047),
            (0.65, 0.0181, 0.0032, 0.0019), (0.75, 0.00775, 0.00153, 0.00090),
        ],
        0.9: [
            (0.05, 0.0458, 0.0080, 0.0059), (0.15, 0.0368, 0.0100, 0.0047), (0.25, 0.0452, 0.0074, 0.0058),
            (0.35, 0.0380, 0.0058, 0.0049), (0.45, 0.0258, 0.0048, 0.0039), (0.55, 0.0129, 0.0031, 0.0020),
            (0.65, 0.00645, 0.00113, 0.00091), (0.75, 0.00365, 0.00099, 0.00051),
        ],
    },
}  # fmt: skip
"""sqrt(s) -> rapidity in the centre of mass -> p_T, value, statistical and systematic error."""


def measurements() -> list[Measurement]:
    """All of them, by energy."""
    found = [
        *(_radial("Dekkers et al. 1965", root_s, 0.10, rows) for root_s, rows in _DEKKERS.items()),
        *(
            _rapidity(f"NA61/SHINE 2017, {beam} GeV/c", root_s, _NA61[root_s])
            for beam, root_s in zip((31, 40), _NA61, strict=True)
        ),
        _radial("NA49 2010, 158 GeV/c, 7 points", 17.27020, 0.065, _NA49),
    ]
    return found


def _radial(source: str, root_s: float, scale: float, rows: Rows) -> Measurement:
    transverse, radial, value, error = np.array(rows).T
    energy = radial * largest_antiproton_energy(root_s**2)
    return Measurement(source, root_s, scale, transverse, energy, value, error)


def _rapidity(source: str, root_s: float, rows: dict[float, Rows]) -> Measurement:
    rapidity = np.repeat(list(rows), [len(part) for part in rows.values()])
    transverse, value, statistical, systematic = np.array([row for part in rows.values() for row in part]).T
    energy = np.hypot(transverse, get_species("antiproton").mass) * np.cosh(rapidity)
    return Measurement(source, root_s, 0.05, transverse, energy, value, np.hypot(statistical, systematic))
